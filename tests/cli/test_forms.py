"""Every command that reads shows what it has as a table, JSON, CSV and Markdown, all harmless."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Mapping
from importlib import import_module
from inspect import signature

import pytest

from gittrack import schema
from gittrack.cli.main import COMMANDS, Command
from gittrack.registry import Registry
from gittrack.runs import edits
from gittrack.runs.edits import Edit
from gittrack.runs.record import MetricSummary
from gittrack.runs.store import Store
from tests.cli.test_looking import call
from tests.conftest import git, make_repository
from tests.making import START, write_run

EVIL = "=cmd()[red]\x1b[31m|<b>`$x`\u202e\x07"
LINES = '{"step":0,"time":1,"metrics":{"=m[red]\\u001b[31m":1}}\n'
LINES += '{"step":1,"time":2,"metrics":{"=m[red]\\u001b[31m":2,"acc":1}}\n'
MLMODEL = "flavors: {sklearn: {pickled_model: model.pkl}}\n"

# How each command that reads is called.
READING = {
    "ls": ["ls"],
    "ls --tree": ["ls", "--tree", "--spark", "=m[red]\x1b[31m", "-c", "name, tags.t"],
    "show": ["show", "aaaa"],
    "diff": ["diff", "aaaa", "bbbb"],
    "plot": ["plot", "aaaa"],
    "watch": ["watch"],
    "logs": ["logs", "aaaa"],
    "artifacts ls": ["artifacts", "ls", "aaaa"],
    "check": ["check", "aaaa", "--min", "acc=0"],
    "gc": ["gc"],
    "doctor": ["doctor"],
    "fsck": ["fsck"],
    "models ls": ["models", "ls"],
    "models show": ["models", "show", "wine"],
}
# These read as well, but what comes of them is not a view of what is there.
OTHERS = {"rerun", "report", "commit", "archive", "import"}


@pytest.fixture
def evil(isolated, store: Store) -> Store:
    """A store in which every text that a user or a file can give is hostile."""
    make_repository(isolated, {"train.py": "1\n"})
    store.prepare()
    model = {"artifacts/m/MLmodel": MLMODEL, "artifacts/m/model.pkl": b"x"}
    texts = {"output.log": EVIL}
    for at, run_id in enumerate(("aaaa", "bbbb", "cccc")):
        run = write_run(
            store,
            run_id,
            name=f"{EVIL}{at}\nline",
            experiment="Größe",
            start_time=START + at * 1000,
            params={EVIL: f"{EVIL}{at}", "p": at},
            metrics={"=m[red]\x1b[31m": MetricSummary(2, 1, 1, 2, 2), "acc": at},
            tags={"t": EVIL, EVIL: f"{EVIL}{at}"},
            user=EVIL,
            source={"type": "LOCAL", "command": EVIL},
            files={"metrics.jsonl": LINES, f"artifacts/=x[red]{at}\x1b[31m": "x", **texts, **model},
        )
        edits.write(run.folder, Edit(note=f"{EVIL}\nsecond\nthird"))
    edits.write(store.find("cccc").folder, Edit(deleted=True))
    Registry(store).register("wine", run_id="aaaa", path="m", digest="sha256:0")
    git("add", "-A")
    git("commit", "-q", "-m", "runs")
    return store


def reading(commands: Mapping[str, object], before: str = "") -> set[str]:
    """Return the commands that have a form to choose."""
    found = set()
    for name, command in commands.items():
        if isinstance(command, Command):
            function = getattr(import_module(f"gittrack.cli.{command.module}"), command.function)
            if {"json", "csv", "md"} & signature(function).parameters.keys():
                found.add(before + name)
        else:
            found |= reading(command.commands, f"{name} ")
    return found


def test_every_command_that_reads_has_its_line_here() -> None:
    assert {name.partition(" --")[0] for name in READING} | OTHERS == reading(COMMANDS)


@pytest.mark.usefixtures("evil")
@pytest.mark.parametrize("form", ["", "--json", "--csv", "--md"])
@pytest.mark.parametrize("name", READING)
def test_a_form_holds_nothing_that_acts(
    name: str, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = 1 if name == "fsck" else 0  # it finds that the summaries do not tell what the lines do
    out, err = call(capsys, *READING[name], *([form] if form else []), code=code)
    said = out + err if form or name != "logs" else err
    acting = {letter for letter in said if unicodedata.category(letter) in {"Cc", "Cf"}} - {"\n"}
    assert not acting
    if form == "--json":
        assert schema.check("output", json.loads(out)) == []
    elif form == "--csv":
        rows = list(csv.reader(io.StringIO(out)))
        assert rows[0]
        assert not any(cell.startswith(("=", "@", "\t", "\r")) for row in rows for cell in row)
    elif form == "--md":
        assert out.strip() or name == "watch"
        assert "<b>" not in out
        assert not re.search(r"(?<!\\)`", out)
