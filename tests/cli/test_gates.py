"""`gittrack check` on the command line: table, JSON, Markdown, JUnit, exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from gittrack import schema
from gittrack.cli.main import main
from tests.making import write_run


def call(capsys: pytest.CaptureFixture[str], *args: str, code: int = 0) -> str:
    with pytest.raises(SystemExit) as caught:
        main(args)
    out, err = capsys.readouterr()
    assert (caught.value.code or 0) == code, err
    return out


def test_the_table_says_what_was_asked_and_what_came_of_it(store, capsys):
    write_run(store, "aaaa", name="brave-otter", metrics={"acc": 0.9})
    out = call(capsys, "check", "--min", "acc=0.95", code=1)
    assert out.splitlines()[0] == "brave-otter (aaaa): failed"
    assert "0.9" in out
    assert "≥ 0.95" in out
    call(capsys, "check", "aaaa", "--min", "acc=0.9")
    call(capsys, "check", "aaaa", "--min", "nope=0.9", code=4)
    call(capsys, "check", "aaaa", code=2)
    assert "| acc | 0.9 |" in call(capsys, "check", "--min", "acc=0.5", "--md")


def test_json_is_as_the_schema_says(store, capsys):
    write_run(store, "aaaa", metrics={"acc": float("nan")})
    out = call(capsys, "check", "--min", "acc=0.9", "--max", "x=1", "--json", code=4)
    envelope = json.loads(out)
    assert schema.check("output", envelope) == []
    assert envelope["data"]["outcome"] == "unmeasured"


def test_junit_counts_failures_and_what_could_not_be_measured(store, capsys):
    write_run(store, "aaaa", name="<b>\x01&", metrics={"acc": 0.9})
    asked = ["--min", "acc=0.5", "--min", "a<b=1", "--max", "acc=0.1", "--junit", "sub.xml"]
    call(capsys, "check", *asked, code=1)
    suite = ET.fromstring(Path("sub.xml").read_bytes())
    counts = {key: suite.get(key) for key in ("tests", "failures", "errors")}
    assert counts == {"tests": "3", "failures": "1", "errors": "1"}
    assert [case.get("name") for case in suite] == ["min acc", "min a<b", "max acc"]
