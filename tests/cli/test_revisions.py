"""`--rev`, `--all-branches` and `REV:RUN` in the commands that read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from gittrack import schema
from gittrack.cli.main import main
from gittrack.git.objects import Objects
from gittrack.runs.store import Store
from tests.conftest import git, make_repository
from tests.making import write_run


def call(capsys: pytest.CaptureFixture[str], *args: str, code: int = 0) -> tuple[str, str]:
    with pytest.raises(SystemExit) as caught:
        main(args)
    out, err = capsys.readouterr()
    assert (caught.value.code or 0) == code, err
    return out, err


@pytest.fixture(autouse=True)
def branched(isolated: Path, store: Store) -> Store:
    """Run `aaaa` is on main, which is checked out, and `bbbb` on feature too."""
    make_repository(isolated)
    for run_id, branch in (("aaaa", "main"), ("bbbb", "feature")):
        git("checkout", "-q", "-B", branch)
        write_run(store, run_id, metrics={"acc": 0.5})
        git("add", "-A")
        git("commit", "-q", "-m", run_id)
    git("checkout", "-q", "main")
    return store


def test_runs_of_a_revision_are_listed_and_shown(capsys):
    out, _ = call(capsys, "ls", "--rev", "feature", "--json")
    envelope = json.loads(out)
    assert schema.check("output", envelope) == []
    assert [run["run_id"] for run in envelope["data"]] == ["aaaa", "bbbb"]
    assert all(run["folder"].startswith("feature:mlruns/wine/") for run in envelope["data"])
    out, _ = call(capsys, "show", "feature:bbbb")
    assert "feature:mlruns/wine/" in out


def test_all_branches_are_listed_with_where_a_run_is(capsys):
    out, _ = call(capsys, "ls", "--all-branches")
    branches = {line.split()[0]: line.split()[2:4] for line in out.splitlines()}
    assert branches["aaaa"] == ["main", "+1"]
    assert branches["bbbb"][0] == "feature"


def test_a_run_of_a_revision_is_compared_with_one_of_the_store(capsys):
    out, _ = call(capsys, "diff", "feature:bbbb", "aaaa", "--json")
    assert json.loads(out)["data"]["first"]["run_id"] == "bbbb"


def test_what_makes_no_sense_is_said(capsys):
    assert "exclude" in call(capsys, "ls", "--rev", "x", "--all-branches", code=2)[1]
    assert "no branch" in call(capsys, "ls", "--rev", "nope", code=3)[1]
    assert "no run" in call(capsys, "tag", "feature:nope", "a=b", code=3)[1]


@pytest.mark.parametrize("command", [("tag", "a=b"), ("note", "x"), ("rm",), ("restore",)])
def test_a_revision_is_read_only_which_is_said_with_what_to_do(capsys, command):
    name, *rest = command
    _, err = call(capsys, name, "feature:@", *rest, code=2)
    assert "feature:@ is in a revision, which is read only" in err
    assert "check that revision out, and name the run aaaa" in err


def test_show_fetches_only_what_it_shows(capsys, store, monkeypatch):
    lines = '{"step":0,"time":1,"metrics":{"acc":0.5}}\n{"step":1,"time":2,"metrics":{"acc":1}}\n'
    files = {
        "metrics.jsonl": lines,
        "requirements.txt": "numpy==2\n",
        "artifacts/m/MLmodel": "flavors:\n  sklearn: {}\n",
        "artifacts/m/model.pkl": "x" * 5000,
        "artifacts/lfs.bin": f"version https://git-lfs.github.com/spec/v1\noid sha256:{0:064}\n"
        "size 7000000\n",
    }
    run = write_run(store, "cccc", files=files)
    git("add", "-A")
    git("commit", "-q", "-m", "cccc")
    shutil.rmtree(run.folder)
    written = []
    write = Objects.write
    monkeypatch.setattr(
        Objects, "write", lambda self, blob, to: (written.append(to.name), write(self, blob, to))
    )
    out, _ = call(capsys, "show", "main:cccc")
    assert set(written) == {"metrics.jsonl", "requirements.txt", "MLmodel"}
    for shown in ("5.0 kB", "sklearn", "1 in requirements.txt", "7.0 MB"):
        assert shown in out
