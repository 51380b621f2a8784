"""`gittrack diff` with its parts, many runs, revisions and the working tree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gittrack import schema
from gittrack.cli.main import main
from gittrack.runs.store import Store
from tests.conftest import git, make_repository, python
from tests.making import write_run


def call(capsys: pytest.CaptureFixture[str], *args: str, code: int = 0) -> tuple[str, str]:
    with pytest.raises(SystemExit) as caught:
        main(args)
    out, err = capsys.readouterr()
    assert (caught.value.code or 0) == code, err
    return out, err


def data_of(capsys: pytest.CaptureFixture[str], *args: str) -> dict[str, object]:
    envelope = json.loads(call(capsys, *args, "--json")[0])
    assert schema.check("output", envelope) == []
    return envelope["data"]


@pytest.fixture(autouse=True)
def branched(isolated: Path, store: Store) -> Store:
    """Runs `aaaa` and `bbbb` on main, `cccc` on feature too; main is checked out."""
    make_repository(isolated, {"train.py": "x = 1\n"})
    for run_id, lr in (("aaaa", 1), ("bbbb", 2)):
        files = {"artifacts/r.json": f'{{"lr": {lr}}}', "artifacts/n.txt": f"[red]{lr}\t\x1b\n"}
        write_run(store, run_id, params={"lr": lr}, metrics={"acc": lr / 10}, files=files)
    git("add", "-A")
    git("commit", "-q", "-m", "runs")
    git("checkout", "-q", "-b", "feature")
    write_run(store, "cccc", metrics={"acc": 0.9})
    git("add", "-A")
    git("commit", "-q", "-m", "more")
    git("checkout", "-q", "main")
    return store


def test_parts_are_chosen_and_alone_decide_the_exit_code(capsys, branched):
    out, _ = call(capsys, "diff", "aaaa", "bbbb", "--params")
    assert "lr" in out
    assert "acc" not in out
    out, err = call(capsys, "diff", "aaaa", "bbbb", "--env", "--code", "--exit-code")
    assert "are the same in code and environment" in err
    call(capsys, "diff", "aaaa", "bbbb", "--metrics", "--exit-code", code=1)
    write_run(branched, "eeee", params={"lr": 1, "k": 2})
    assert "lr" in call(capsys, "diff", "aaaa", "eeee", "--all", "--params")[0]


def test_artifacts_are_shown_by_their_contents_and_stay_text(capsys):
    out, _ = call(capsys, "diff", "aaaa", "bbbb", "--artifacts")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "r.json 9 B 9 B value: 1 changed" in lines
    assert "lr 1 2" in lines
    assert any(line.startswith("-[red]1") and "\\x1b" in line for line in lines)
    (_, change) = data_of(capsys, "diff", "aaaa", "bbbb")["artifacts"]
    assert change["content"]["entries"] == [{"name": "lr", "first": 1, "second": 2}]


def test_many_runs_are_one_table(capsys):
    out, _ = call(capsys, "diff", "aaaa", "bbbb", "feature:cccc")
    assert ["lr", "1", "2", "-"] in [line.split() for line in out.splitlines()]
    assert data_of(capsys, "diff", "aaaa", "bbbb", "feature:cccc")["runs"] == [
        "aaaa",
        "bbbb",
        "cccc",
    ]


def test_two_revisions_are_compared_by_their_runs(capsys):
    out, _ = call(capsys, "diff", "main", "feature")
    assert "only in feature (1)" in out
    assert "0.2 bbbb" in out
    assert "0.9 cccc" in out
    data = data_of(capsys, "diff", "main..feature")
    assert data["new"] == ["cccc"]
    assert data["best"][0]["second_run"] == "cccc"
    call(capsys, "diff", "main", "feature", "--exit-code", code=1)
    assert "hold the same runs" in call(capsys, "diff", "main", "HEAD", "--exit-code")[1]
    assert "only in here" not in call(capsys, "diff", "main", "-w")[0]


def test_a_run_is_compared_with_the_working_tree(capsys):
    python("import gittrack; gittrack.start_run(run_name='now')")
    Path("train.py").write_text("x = 2\n")
    out, _ = call(capsys, "diff", "now", "-w", "--code")
    assert "+x = 2" in out
    assert "command" not in out


def test_what_cannot_be_compared_is_said(capsys):
    assert "compared with what" in call(capsys, "diff", "aaaa", code=2)[1]
    assert "one run" in call(capsys, "diff", "aaaa", "bbbb", "-w", code=2)[1]
    assert "no run 'nope'" in call(capsys, "diff", "aaaa", "nope", code=3)[1]
    assert "no branch" in call(capsys, "diff", "main..nope", code=3)[1]
    assert "'nope' is neither a run nor a rev" in call(capsys, "diff", "main", "nope", code=3)[1]
