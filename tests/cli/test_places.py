"""Commands that need Git say in one line what is missing where they cannot work."""

from __future__ import annotations

import pytest

from gittrack.cli.main import main
from tests.conftest import git
from tests.making import write_run

ASKED = [
    ("ls", "--rev", "main"), ("ls", "--all-branches"), ("show", "main:@"), ("diff", "main..dev"),
    ("check", "--against", "main"), ("report", "--base", "main"), ("commit",), ("init",),
]  # fmt: skip


def call(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as caught:
        main(args)
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out + err


@pytest.mark.parametrize("asked", ASKED, ids=" ".join)
def test_outside_of_a_repository(store, capsys, asked):
    write_run(store, "aaaa", metrics={"acc": 0.5})
    code, said = call(capsys, *asked)
    assert code == 6
    assert "is in no Git repository" in said


@pytest.mark.parametrize("asked", ASKED[:-2], ids=" ".join)
def test_in_a_repository_without_commits(store, capsys, asked):
    git("init", "-q")
    write_run(store, "aaaa", metrics={"acc": 0.5})
    code, said = call(capsys, *asked)
    assert code == (4 if asked[0] == "check" else 3)
    assert "no branch" in said
