"""`gittrack init` and `gittrack report` on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from gittrack.cli.main import main
from tests.conftest import make_repository
from tests.making import write_run


def call(capsys: pytest.CaptureFixture[str], *args: str, code: int = 0) -> tuple[str, str]:
    with pytest.raises(SystemExit) as caught:
        main(args)
    out, err = capsys.readouterr()
    assert (caught.value.code or 0) == code, err
    return out, err


def test_init_says_what_it_did(isolated, capsys):
    make_repository(isolated)
    assert "workflows/experiments.yml was added" in call(capsys, "init", "--ci", "github")[1]
    assert "no longer configured" in call(capsys, "init", "--uninstall")[1]
    call(capsys, "init", "--uninstall", "--pre-commit", code=2)


def test_a_report_is_written_to_stdout_or_to_files(store, capsys):
    lines = '{"step":0,"time":1,"metrics":{"acc":0.5}}\n{"step":1,"time":1,"metrics":{"acc":1}}\n'
    write_run(store, "aaaa", files={"metrics.jsonl": lines})
    assert "| name-aaaa | aaaa |" in call(capsys, "report")[0]
    call(capsys, "report", "aaaa", "--plots", "plots", "-o", "report.md")
    assert "![acc](<plots/01-acc.svg>)" in Path("report.md").read_text()
    assert Path("plots/01-acc.svg").read_text().startswith("<svg")
    assert call(capsys, "report", "--html")[0].startswith("<!doctype html>")
    call(capsys, "report", "--html", "--md", code=2)
    call(capsys, "report", "nope", code=3)
