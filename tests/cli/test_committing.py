"""`gittrack commit` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gittrack import schema
from gittrack.cli.main import main
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
def repository(isolated: Path, store: Store) -> Store:
    make_repository(isolated)
    write_run(store, "aaaa", name="brave-otter")
    return store


def test_it_says_what_it_committed_and_that_it_was_committed_before(capsys):
    _, err = call(capsys, "commit", "aaaa")
    assert f"commit {git('rev-parse', 'HEAD')[:10]} on main: 3 files of aaaa (brave-otter)" in err
    assert "main holds aaaa (brave-otter) already" in call(capsys, "commit", "aaaa")[1]


def test_its_json_is_as_the_schema_says(capsys, isolated):
    git("init", "-q", "--bare", str(isolated.parent / "shared.git"))
    git("remote", "add", "origin", str(isolated.parent / "shared.git"))
    out, _ = call(capsys, "commit", "--all", "--push", "--json")
    envelope = json.loads(out)
    assert schema.check("output", envelope) == []
    assert envelope["data"]["runs"] == ["aaaa"]
    assert envelope["data"]["pushed"]["remote"] == "origin"


def test_each_refusal_has_its_exit_code(capsys, repository):
    assert "exclude" in call(capsys, "commit", "--all", "aaaa", code=2)[1]
    call(capsys, "commit", "nope", code=3)
    call(capsys, "commit", "--push", code=3)
    write_run(repository, "bbbb", files={"artifacts/x.pem": "x"})
    assert "--allow-secrets" in call(capsys, "commit", "bbbb", code=1)[1]
    git("checkout", "-q", "--detach")
    assert "git switch" in call(capsys, "commit", "aaaa", code=6)[1]


def test_it_says_which_runs_it_removed_and_how_they_come_back(capsys, repository):
    call(capsys, "commit", "aaaa")
    call(capsys, "rm", "aaaa")
    call(capsys, "commit", "brave-otter")
    call(capsys, "gc", "--yes")
    out, err = call(capsys, "commit", "--all", "--json")
    assert "it removes 1 run, aaaa (brave-otter): 2 files" in err
    envelope = json.loads(out)
    assert schema.check("output", envelope) == []
    assert envelope["data"]["removed"] == ["aaaa"]
    assert not repository.runs(deleted=True).runs
    git(*err.partition("hint: git ")[2].split(" brings")[0].split(), "--no-edit")
    assert [run.run_id for run in repository.runs(deleted=True).runs] == ["aaaa"]
