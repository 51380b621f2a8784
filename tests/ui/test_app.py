"""What the server answers, asked as a WSGI application."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from gittrack.runs.store import Store
from gittrack.ui.app import PagesApp
from gittrack.ui.guard import Guard
from tests.conftest import git, make_repository
from tests.making import write_run
from tests.ui import gallery


@dataclass
class Got:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    def __init__(self, app: PagesApp) -> None:
        self.app = app

    def get(self, path: str, **headers: str) -> Got:
        return self.ask("GET", path, headers)

    def edit(self, change: object, **headers: str) -> Got:
        given = {"HTTP_X_GITTRACK_TOKEN": self.app.guard.token, **headers}
        return self.ask("POST", "/edit", given, json.dumps(change).encode())

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Got:
        place, _, query = path.partition("?")
        got: dict[str, Any] = {}
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": place.encode().decode("latin-1"),
            "QUERY_STRING": query,
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "localhost:5000",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            **headers,
        }

        def start(status: str, answered: list[tuple[str, str]]) -> None:
            got.update(status=int(status[:3]), headers=dict(answered))

        answer = self.app(environ, start)
        got["body"] = b"".join(answer)
        if hasattr(answer, "close"):
            answer.close()
        return Got(**got)


@pytest.fixture
def client(store: Store) -> Client:
    return Client(PagesApp(store, guard=Guard()))


@pytest.fixture
def full(store: Store, client: Client) -> Client:
    gallery.fill(store)
    return client


def test_the_first_page_needs_no_run(client: Client):
    got = client.get("/")
    assert got.status == 200
    assert "No runs yet" in got.text


def test_runs_come_as_columns(full: Client):
    data = full.get("/data/runs.json").json
    place = data["runs"]["id"].index("wine000001")
    assert data["runs"]["name"][place] == "plain-1"
    alpha = data["params"]["alpha"]
    assert alpha["of"][alpha["at"].index(place)] == "0.1"
    assert {item["name"] for item in data["experiments"]} == {"Default", "wine", gallery.HOSTILE}


def test_what_json_has_no_number_for_is_a_name(full: Client):
    data = full.get("/data/runs.json").json
    place = data["runs"]["id"].index("hostile000")
    assert data["metrics"]["loss"][place] == "Infinity"
    assert data["metrics"][gallery.HOSTILE]["of"] == ["NaN"]


def test_only_what_changed_since_a_version_is_sent(full: Client, store: Store):
    first = full.get("/data/runs.json").json
    assert full.get(f"/data/runs.json?since={first['version']}").json["runs"]["id"] == []
    write_run(store, "late000000")
    full.app.views.live.forget_age()
    later = full.get(f"/data/runs.json?since={first['version']}").json
    assert later["runs"]["id"] == ["late000000"]
    assert later["version"] > first["version"]


def test_a_removed_run_is_named(full: Client, store: Store):
    version = full.get("/data/runs.json").json["version"]
    folder = store.folder_of("wine000001")
    folder.rename(store.root.parent / "elsewhere")
    full.app.views.live.forget_age()
    assert full.get(f"/data/runs.json?since={version}").json["removed"] == ["wine000001"]


def test_a_filter_names_the_runs_it_fits(full: Client):
    got = full.get(f"/data/matches.json?filter={quote('params.alpha < 0.5')}").json
    assert sorted(got["ids"]) == ["wine000001", "wine000002"]


def test_a_wrong_filter_is_explained(full: Client):
    got = full.get(f"/data/matches.json?filter={quote('metrics.loss <')}")
    assert got.status == 200
    assert "expected a number" in got.json["error"]


def test_a_run_page_tells_everything(full: Client):
    text = full.get("/run/best000000.html").text
    for expected in (
        "brave-otter",
        "5e0c5e0c5e",
        "python train.py --alpha 0.5",
        "numpy==2.4.0",
        "epoch 2\ndone",
        "gittrack rerun best000000",
        "git apply mlruns/wine/",
        "gittrack serve runs:/best000000/model",
        "sepal",
        "fold-0",
        "wine.csv",
    ):
        assert expected in text


@pytest.mark.parametrize("path", ["/run/hostile000.html", "/run/best000000.html"])
def test_text_of_files_is_never_markup(full: Client, path):
    text = full.get(path).text
    assert "<img src=x" not in text
    assert "<b>below" not in text
    assert "javascript:alert" not in text.replace("(javascript:alert(1))", "")
    assert "http://example.org/x.png" not in text or "<img" not in text
    assert "<script>alert" not in text


def test_pages_carry_their_policy(full: Client):
    headers = full.get("/run/best000000.html").headers
    assert "script-src 'self';" in headers["Content-Security-Policy"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("report.md", "<h1>Report</h1>"),
        ("data/table.csv", "<td>&lt;b&gt;</td>"),
        ("conf.json", "null"),
        ("train.py", "&lt;hi&gt;"),
        ("weights.bin", "no preview"),
        ("plots/loss.png", "<img src="),
        ("plots/page.html", 'sandbox="allow-scripts"'),
    ],
)
def test_an_artifact_has_a_preview(full: Client, path, shown):
    assert shown in full.get(f"/preview/best000000/{path}").text


def test_what_could_run_is_a_download(full: Client):
    got = full.get("/artifact/best000000/plots/page.html")
    assert got.headers["Content-Type"] == "application/octet-stream"
    assert got.headers["Content-Disposition"].startswith("attachment")
    assert got.headers["Content-Security-Policy"].startswith("sandbox;")


def test_a_framed_page_has_no_rights(full: Client):
    policy = full.get("/frame/best000000/plots/page.html").headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'none'")
    assert "allow-same-origin" not in policy
    assert full.get("/frame/best000000/train.py").status == 404


@pytest.mark.parametrize(
    "path",
    [
        "../run.json",
        "plots/../../run.json",
        "%2e%2e/run.json",
        "/etc/passwd",
        "link",
        "out/run.json",
        "",
        "plots",
        "no\0thing",
        "x" * 5000,
    ],
)
def test_no_path_leads_out_of_the_artifacts(full: Client, store: Store, path):
    artifacts = store.find("best000000").artifacts
    (artifacts / "link").symlink_to("/etc/passwd")
    (artifacts / "out").symlink_to(artifacts.parent)
    for kind in ("artifact", "preview", "frame"):
        assert full.get(f"/{kind}/best000000/{path}").status == 404


def test_artifacts_that_are_a_link_lead_nowhere(full: Client, store: Store, tmp_path):
    run = store.find("wine000001")
    (tmp_path / "secret.txt").write_text("secret")
    run.artifacts.rename(tmp_path / "aside")
    run.artifacts.symlink_to(tmp_path)
    assert full.get("/artifact/wine000001/secret.txt").status == 404
    assert "secret.txt" not in full.get("/run/wine000001.html").text


def test_a_long_text_is_cut(full: Client, store: Store):
    artifacts = store.find("best000000").artifacts
    (artifacts / "long.txt").write_text("ä" * 2_000_000)
    got = full.get("/preview/best000000/long.txt")
    assert "The first 1.0 MB of 4.0 MB" in got.text
    assert len(got.body) < 1_100_000


def test_a_page_that_was_not_changed_is_not_sent_again(full: Client):
    tag = full.get("/run/best000000.html").headers["ETag"]
    assert full.get("/run/best000000.html", HTTP_IF_NONE_MATCH=tag).status == 304


@pytest.mark.parametrize(
    "path", ["/nothing", "/run/nobody.html", "/static/../app.py", "/data/x.json"]
)
def test_what_is_not_there_is_said(full: Client, path):
    assert full.get(path).status == 404


def test_a_foreign_host_reads_nothing(full: Client):
    got = full.get("/data/runs.json", HTTP_HOST="evil.example")
    assert got.status == 403
    assert b"best" not in got.body


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ({"name": "the good one"}, lambda run: run.record.name == "the good one"),
        ({"note": "*fine*"}, lambda run: run.note == "*fine*"),
        ({"tags": {"team": None, "new": "x"}}, lambda run: dict(run.record.tags) == {"new": "x"}),
        ({"deleted": True}, lambda run: run.deleted),
    ],
)
def test_an_edit_is_written_beside_the_run(full: Client, store: Store, change, seen):
    before = (store.find("best000000").folder / "run.json").read_bytes()
    assert full.edit({"runs": ["best000000"], **change}).json == {"done": "1 run changed"}
    run = store.find("best000000")
    assert seen(run)
    assert (run.folder / "run.json").read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [
        {},
        [],
        {"runs": []},
        {"runs": ["best000000"]},
        {"runs": ["best000000"], "name": ""},
        {"runs": ["best000000"], "name": "a", "note": "b"},
        {"runs": ["best000000"], "deleted": "yes"},
        {"runs": ["best000000"], "tags": {"mlflow.user": "x"}},
        {"runs": ["best000000"], "tags": {"a": 1}},
        {"runs": ["best000000"], "status": "FINISHED"},
    ],
)
def test_any_other_edit_changes_nothing(full: Client, store: Store, change):
    before = sorted(path.name for path in store.find("best000000").folder.iterdir())
    assert full.edit(change).status == 400
    assert sorted(path.name for path in store.find("best000000").folder.iterdir()) == before


def test_an_edit_needs_the_token(full: Client, store: Store):
    got = full.edit({"runs": ["best000000"], "deleted": True}, HTTP_X_GITTRACK_TOKEN="x")
    assert got.status == 403
    assert not store.find("best000000").deleted


def test_a_reader_from_elsewhere_gets_no_token(full: Client):
    assert full.app.guard.token in full.get("/").text
    assert full.app.guard.token not in full.get("/", REMOTE_ADDR="10.0.0.9").text


def test_a_broken_run_hides_no_other(full: Client, store: Store):
    (store.find("wine000001").folder / "run.json").write_text("{")
    full.app.views.live.forget_age()
    data = full.get("/data/runs.json").json
    assert "best000000" in data["runs"]["id"]
    assert any("run.json" in problem for problem in data["problems"])


def test_the_code_of_two_runs_is_a_patch(client: Client, store: Store):
    folder = store.root.parent
    commits = []
    for text in ("lr = 0.1\n", "lr = 0.2\n"):
        make_repository(folder, {"train.py": text})
        commits.append(git("rev-parse", "HEAD", cwd=folder))
    for run_id, commit in zip(("first00000", "second0000"), commits, strict=True):
        write_run(store, run_id, source={"git": {"commit": commit, "branch": "main"}})
    code = client.get("/data/code.json?first=first00000&second=second0000").json
    assert "-lr = 0.1\n+lr = 0.2\n" in code["diff"]
    assert [entry["name"] for entry in code["entries"]] == ["commit"]


def test_a_revision_is_looked_at_and_not_edited(client: Client, store: Store):
    write_run(store, "a123456789", params={"alpha": 1})
    make_repository(store.root.parent)
    write_run(store, "b123456789")
    assert client.get("/data/runs.json?rev=main").json["runs"]["id"] == ["a123456789"]
    assert client.app.guard.token not in client.get("/run/a123456789.html?rev=main").text
    assert client.get("/data/runs.json?rev=nowhere").status == 404
    assert client.get("/data/runs.json?rev=--output=x").status == 404
    assert client.get("/data/committed.json").json == {"new": ["b123456789"], "changed": []}


def test_a_model_is_registered_and_shown(full: Client):
    asked = {"runs": ["best000000"], "register": {"name": gallery.HOSTILE, "path": "model"}}
    assert full.edit(asked).json["done"].startswith("registered as version 1")
    text = full.get("/models.html").text
    assert "&lt;img src=x" in text
    assert "<img src=x" not in text
    folder = next(path for path in (full.app.views.store.root / "models").iterdir())
    assert "brave-otter" in full.get(f"/model/{folder.name}.html").text
