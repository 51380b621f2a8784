"""What fsck finds in a tree, each thing by its kind and place, and nothing in a whole one."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gittrack
from gittrack import paths
from gittrack.health import checking, linefiles
from gittrack.health.finding import Report
from gittrack.health.repairing import Mender
from gittrack.models import digest
from gittrack.registry import Registry
from gittrack.runs import edits, live, opening
from gittrack.runs.edits import Edit
from gittrack.runs.lines import metrics_line
from gittrack.runs.record import RUNNING, MetricSummary, to_bytes
from gittrack.runs.store import Store
from tests.conftest import git, make_repository
from tests.making import START, leave_half, put, record, shut, without_rights, write_run

if TYPE_CHECKING:
    from tests.conftest import Meanwhile

LINES = '{"step":0,"time":1,"metrics":{"loss":1.0}}\n{"step":1,"time":2,"metrics":{"loss":0.5}}\n'
LOSS = {"loss": MetricSummary(0.5, 1, 0.5, 1.0, 2)}


def make(store: Store, run_id: str = "aaa", **given):
    """Write a run that is whole but for what is given."""
    files = {"metrics.jsonl": LINES, **given.pop("put", {})}
    store.prepare()
    run = write_run(store, run_id, files=files, **given)
    text = (run.folder / "run.json").read_text()
    if "files" not in json.loads(text) and "metrics.jsonl" in files:
        record = run.record.replaced(files={"metrics.jsonl": len(files["metrics.jsonl"])})
        (run.folder / "run.json").write_bytes(to_bytes(record))
    return run


def found(store: Store, **options: bool) -> list[tuple[str, str]]:
    report = checking.check(store, **options)
    return [
        (finding.kind, finding.problem.path.relative_to(store.root).as_posix())
        for finding in report.findings
    ]


def test_nothing_is_wrong_with_what_gittrack_wrote(store: Store) -> None:
    make_repository(store.root.parent, {"train.py": "1\n"})
    gittrack.set_experiment("Größe")
    with gittrack.start_run() as run:
        gittrack.log_params({"alpha": 0.5, "none": None})
        gittrack.log_metrics({"loss": float("nan"), "weird/näme": float("inf")}, step=3)
        gittrack.set_tag("team", "a")
        gittrack.log_text("hello", "notes/a.txt")
    edits.write(store.find(run.info.run_id).folder, Edit(note="fine", tags={"x": None}))
    (store.root.parent / "train.py").write_text("2\n")
    with gittrack.start_run():
        pass
    report = checking.check(store, digests=True)
    assert (report.findings, report.runs) == ([], 2)


def test_a_run_that_runs_is_left_alone(store: Store) -> None:
    with gittrack.start_run():
        gittrack.log_metric("loss", 1.0)
        assert found(store) == []


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (LINES[:-10], 2, "the last line is cut off"),
        (LINES[:-1], 2, "the last line has no end"),
        (LINES.replace("}}\n{", "}}{"), 1, "two lines in one"),
        ('{"step":3,"ti' + LINES, 1, "two lines in one"),
        (f"nonsense\n{LINES}", 1, "not a line of JSON"),
        (f"{LINES}[]\n", 3, "[] is not of type 'object'"),
        (LINES + '{"time":3,"metrics":{"loss":"high"}}\n', 3, "metrics.loss: 'high' is not valid"),
        (LINES + '{"time":3}\n', 3, "{'time': 3} does not have enough properties"),
        (LINES + '{"time":3,"tags":{"a":1}}\n', 3, "tags.a: 1 is not of type"),
        (f"<<<<<<< HEAD\n{LINES}=======\n>>>>>>> theirs\n", 1, "holds the conflict markers"),
    ],
)
def test_broken_lines_are_told_by_their_number(
    store: Store, content: str, line: int, message: str
) -> None:
    make(store, put={"metrics.jsonl": content})
    problems = [finding.problem for finding in checking.check(store).findings]
    lines = [problem for problem in problems if problem.path.name == "metrics.jsonl"]
    assert lines[0].line == line
    assert message in lines[0].message


names = st.text(max_size=8)
numbers = st.floats() | st.integers(-(2**53), 2**53).map(float)


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(st.dictionaries(names, numbers, min_size=1), st.integers(-(2**63), 2**63 - 1)),
        max_size=20,
    )
)
def test_no_line_of_a_writer_is_taken_for_broken(given) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "metrics.jsonl"
        path.write_bytes(b"".join(metrics_line(m, time=5, step=step) for m, step in given))
        report = Report()
        linefiles.check(path, report)
        assert report.findings == []


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda text: text.replace('"FINISHED"', '"DONE"'), "broken file"),
        (lambda text: text[:40], "broken file"),
        (lambda text: f"<<<<<<< HEAD\n{text}", "conflict"),
        (lambda text: text.replace('"format": 1', '"format": 2'), "schema"),
        (lambda text: text.replace('"aaa"', '"bbb"'), "schema"),
        (lambda text: text.replace('"LOCAL"', '"NOWHERE"'), "schema"),
        (lambda text: text.replace('"digest"', '"digits"'), "schema"),
        (lambda text: text.replace('"count": 2', '"count": 0'), "schema"),
    ],
)
def test_a_record_is_held_against_its_schema(store: Store, change, kind: str) -> None:
    source = {"type": "LOCAL", "command": "train.py"}
    inputs = ({"name": "wine.csv", "digest": "sha256:0"},)
    run = make(store, source=source, inputs=inputs, metrics=LOSS)
    assert found(store) == []
    path = run.folder / "run.json"
    path.write_text(change(path.read_text()))
    place = path.relative_to(store.root).as_posix()
    assert (kind, place) in found(store)


def test_missing_extra_and_leftover_files_are_named(store: Store) -> None:
    run = make(store, put={"system.jsonl": LINES, "stray.txt": "x", "artifacts/a.bin": "x"})
    (run.folder / "metrics.jsonl").unlink()
    for folder in (run.folder, run.folder / "artifacts" / "x", store.root / "wine"):
        leave_half(folder / "abc.gittrack-tmp")
        put(folder / "being-written.gittrack-tmp", "half")
    put(store.root / "wine" / "notes" / "x", "x")
    place = run.folder.relative_to(store.root).as_posix()
    assert sorted(found(store)) == sorted(
        [
            ("leftover", "wine/abc.gittrack-tmp"),
            ("extra file", "wine/notes"),
            ("leftover", f"{place}/abc.gittrack-tmp"),
            ("leftover", f"{place}/artifacts/x/abc.gittrack-tmp"),
            ("extra file", f"{place}/stray.txt"),
            ("missing file", f"{place}/metrics.jsonl"),
        ]
    )


def test_a_run_that_is_being_made_is_no_fault(store: Store) -> None:
    store.create_experiment("wine")
    run_id, folder = opening.make_folder(store.root / "wine", time.time_ns() // 1_000_000)
    assert found(store) == []
    year = 365 * 86_400_000
    for start in (START - year, START + 50 * year):  # a clock may have been wrong
        folder = folder.rename(folder.with_name(paths.run_folder_name(run_id, start)))
        assert [kind for kind, _ in found(store)] == ["missing file"]


def test_a_run_that_has_just_ended_is_not_said_to_run(store: Store, meanwhile: Meanwhile) -> None:
    run = make(store, status=RUNNING, end_time=None)
    for look in (run.state, lambda: found(store)):
        mark = live.take(store.root, "aaa")
        assert mark is not None

        def end(mark: live.Mark = mark) -> None:
            put(run.folder / "run.json", to_bytes(record("aaa")))
            mark.release()

        put(run.folder / "run.json", to_bytes(run.record))
        meanwhile(live, "state", end)
        assert look() in ("finished", [])


def test_a_folder_without_a_record_and_a_store_without_rules(store: Store) -> None:
    run = make(store)
    (run.folder / "run.json").unlink()
    (store.root / ".gitignore").unlink()
    assert [kind for kind, _ in found(store)] == ["missing file", "missing file"]


def test_a_patch_is_held_against_its_digest(store: Store) -> None:
    digest = hashlib.sha256(b"patch").hexdigest()
    source = {"type": "LOCAL", "git": {"patch_sha256": digest}}
    run = make(store, source=source, put={"source.patch": "patch"})
    assert found(store) == []
    put(run.folder / "source.patch", "other")
    assert [kind for kind, _ in found(store)] == ["digest"]
    (run.folder / "source.patch").unlink()
    assert [kind for kind, _ in found(store)] == ["missing file"]


def test_runs_that_never_ended_are_told_from_those_that_run_elsewhere(store: Store) -> None:
    make(store, "aaa", status=RUNNING, end_time=None)
    make(store, "bbb", status=RUNNING, end_time=None)
    mark = live.take(store.root, "bbb")
    assert mark is not None
    mark.forget()  # as a process does that is killed
    kinds = {place[-3:]: kind for kind, place in found(store)}
    assert kinds == {"aaa": "not ended", "bbb": "interrupted"}


def test_links_are_told_by_where_they_lead(store: Store, isolated: Path) -> None:
    put(isolated / "outside.txt", "x")
    run = make(store, put={"artifacts/real": "x"})
    (run.artifacts / "inside").symlink_to("real")
    (run.artifacts / "outside").symlink_to(isolated / "outside.txt")
    (run.artifacts / "nothing").symlink_to("gone")
    (run.artifacts / "loop").symlink_to("loop")
    (store.root / "elsewhere").symlink_to(isolated)
    names = sorted(place.split("/")[-1] for kind, place in found(store) if kind == "link")
    assert names == ["elsewhere", "loop", "nothing", "outside"]


def test_what_git_leaves_out_is_named(store: Store) -> None:
    root = store.root.parent
    make_repository(root, {".gitignore": "*.txt\nmlruns/wine/*/artifacts/data/\n"})
    run = make(store, put={"artifacts/fine.txt": "x", "artifacts/.git/config": "x"})
    assert {kind for kind, _ in found(store)} == {"git ignores"}
    (store.root / ".gitignore").write_text("*.txt\n/.cache/\n")
    place = run.folder.relative_to(store.root).as_posix()
    assert ("git ignores", f"{place}/artifacts/fine.txt") in found(store)
    assert git("status", "--porcelain", "--ignored", cwd=root)


@pytest.mark.parametrize(
    "place",
    ["output.log", "source.patch", "requirements.txt", "artifacts/a/b.txt", "metrics.jsonl"],
)
def test_a_secret_in_any_text_file_is_told_by_its_line(store: Store, place: str) -> None:
    token = "gh" + "p_" + "a1" * 18
    make(store, put={place: f"first\nkey: {token}\n", "artifacts/binary": f"\0{token}"})
    secrets = [item.problem for item in checking.check(store).findings if item.kind == "secret"]
    assert [(problem.path.name, problem.line) for problem in secrets] == [(Path(place).name, 2)]
    assert token not in str(secrets)


def test_a_secret_far_into_a_large_file_is_found(store: Store) -> None:
    token = "gh" + "p_" + "a1" * 18
    line = "x" * 99 + "\n"
    text = line * 41_943 + "\n" * 40 + token + "\n" + line * 1000  # over the end of a block
    make(store, put={"artifacts/large.txt": text, "artifacts/.env": "A=1\n"})
    secrets = {item.problem.path.name: item.problem.line for item in checking.check(store).findings}
    assert secrets == {"large.txt": text[: text.index(token)].count("\n") + 1, ".env": 0}


def test_an_edit_and_an_experiment_that_cannot_be_read(store: Store) -> None:
    run = make(store, experiment="Größe")
    put(run.folder / "edit-20261123-051200-abcdefgh.json", '{"format": 1, "ti')
    put(store.root / run.experiment_id / "experiment.json", "{}")
    assert sorted(kind for kind, _ in found(store)) == ["broken file", "schema", "schema"]
    (store.root / run.experiment_id / "experiment.json").unlink()
    assert sorted(kind for kind, _ in found(store)) == ["broken file", "experiment"]


def test_two_runs_of_one_id_and_two_experiments_of_one_name(store: Store) -> None:
    run = make(store)
    make(store, "bbb", experiment="beer")
    shutil.copytree(run.folder, store.root / "beer" / run.folder.name)
    edits.write(store.root / "beer", Edit(name="wine"))
    kinds = [kind for kind, _ in found(store)]
    assert kinds == ["duplicate", "duplicate"]


def test_versions_and_aliases_that_point_nowhere(store: Store) -> None:
    run = make(store, put={"artifacts/model/MLmodel": "flavors: {}\n"})
    registry = Registry(store)
    for run_id, path in (("aaa", "model"), ("aaa", "gone"), ("zzz", "model")):
        registry.register("wine", run_id=run_id, path=path, digest="sha256:0")
    put(store.root / "models" / "wine" / "aliases" / "champion", "7\n")
    put(store.root / "models" / "wine" / "aliases" / "torn", "<<<<<<< HEAD\n1\n")
    assert sorted(found(store)) == [
        ("alias", "models/wine/aliases/champion"),
        ("conflict", "models/wine/aliases/torn"),
        ("version", "models/wine/versions/2.json"),
        ("version", "models/wine/versions/3.json"),
    ]
    place = run.artifacts.relative_to(store.root).as_posix()
    assert ("digest", f"{place}/model") in found(store, digests=True)


def test_a_folder_that_cannot_be_read_hides_no_other(store: Store) -> None:
    make(store, "aaa")
    run = make(store, "bbb")
    os.mkfifo(run.folder / "output.log")
    shutil.rmtree(run.folder / "artifacts", ignore_errors=True)
    put(run.folder / "artifacts", "no folder")
    kinds = [kind for kind, _ in found(store)]
    assert kinds == ["extra file", "extra file"]


@pytest.mark.needs("program:setpriv")
@pytest.mark.parametrize("mode", [0, 0o600])
@pytest.mark.parametrize("place", ["", "wine", "{run}", "{run}/artifacts/m", "models", "versions"])
def test_what_may_not_be_read_is_a_line_and_nothing_that_points_to_it_is_mended(
    store: Store, place: str, mode: int
) -> None:
    model = {"artifacts/m/MLmodel": "flavors: {f: {}}\n", "artifacts/m/model.pkl": "x"}
    run = make(store, put=model)
    make(store, "bbb", experiment="other")
    registry = Registry(store)
    registry.register("fine", run_id="aaa", path="m", digest="sha256:0")
    registry.set_alias("fine", "best", 1)
    name = {"versions": "models/fine/versions"}.get(place, place)
    folder = store.root / name.format(run=run.folder.relative_to(store.root))
    before = sorted(path for path in store.root.rglob("*") if path.is_file())
    with shut(folder, mode):
        done = without_rights("fsck", "--json", "--repair")
    assert done.returncode == 1, done.stderr
    found = [item for item in json.loads(done.stdout)["data"]["findings"] if not item["mended"]]
    assert {item["kind"] for item in found} == {"broken file"}
    assert sorted(path for path in store.root.rglob("*") if path.is_file()) == before


def test_the_models_of_runs_are_held_against_the_digests_that_are_in_them(store: Store) -> None:
    make(store, put={"artifacts/m/model.pkl": "x"})
    folder = store.find("aaa").artifacts / "m"
    whole = digest.of_folder(folder)
    put(folder / "MLmodel", f"digest: {whole}\nflavors: {{f: {{}}}}\n")
    assert found(store, digests=True) == []
    (folder / "model.pkl").write_text("y")
    assert found(store) == []
    assert found(store, digests=True) == [("digest", folder.relative_to(store.root).as_posix())]


def test_secrets_are_found_beside_runs_and_in_the_registry_too(store: Store) -> None:
    make(store)
    Registry(store).register("fine", run_id="aaa", path="m", digest="sha256:0")
    secret = "AWS_SECRET = 'AKIA" + "Q3EGRIZKQ4BTHZ5L'\n"
    for place in ("notes.txt", "wine/notes.txt", "models/fine/notes.txt"):
        put(store.root / place, secret)
        assert ("secret", place) in found(store)


@pytest.mark.parametrize("name", ["notes.md", "metrics.jsonl", "run.json"])
def test_an_artifact_in_conflict_is_found_and_left_for_a_person(store: Store, name: str) -> None:
    run = make(store)
    path = run.folder / "artifacts" / name
    path.parent.mkdir(exist_ok=True)
    text = "before\n<<<<<<< HEAD\nours\n=======\ntheirs\n>>>>>>> feature\n"
    path.write_text(text)
    path.with_name("of-git.rst").write_text("<<<<<<< marks\na side\n\nTitle\n=======\nit ends so\n")
    report = checking.check(store)
    (finding,) = report.faults
    assert (finding.kind, finding.problem.path) == ("conflict", path)
    assert "git checkout --ours" in finding.problem.hint
    assert Mender(store).mend(report) == set()
    assert path.read_text() == text


def test_a_version_in_conflict_is_found_with_the_command_that_mends_it(store: Store) -> None:
    put(store.root / "models" / "wine" / "versions" / "1.json", "<<<<<<< a\n=======\n>>>>>>> b\n")
    found = checking.check(store).findings
    (finding,) = [one for one in found if one.problem.path.name == "1.json"]
    assert finding.kind == "conflict"
    assert finding.problem.message == "holds the conflict markers of a Git merge"
    assert finding.problem.hint.endswith("gittrack models renumber wine/1")
