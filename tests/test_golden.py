"""The format on disk, byte for byte: one run with every kind of value, made by real processes in a real repository.

Ids, times and the versions of what is installed are put in a standard form of the same length; all
else is compared as it is. `GITTRACK_UPDATE_GOLDEN=1 pytest tests/test_golden.py` writes the tree
anew: look at the difference.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from gittrack import schema
from tests.conftest import git, python

GOLDEN = Path(__file__).parent / "golden"
UPDATE = bool(os.environ.get("GITTRACK_UPDATE_GOLDEN"))
MOMENT = "2026-11-23T05:00:00Z"

SCRIPT = """
import gittrack as mlflow

mlflow.set_experiment("Größe / size")
with mlflow.start_run(run_name="golden", description="every kind of value") as run:
    mlflow.log_params({
        "flag": True, "nothing": None, "count": 3, "rate": 0.1, "tiny": 5e-324, "text": "it's \\"quoted\\" – ü\\n",
        "big": 2**60, "list": [1, "a"], "not_a_number": float("nan"),
    })
    mlflow.log_metrics({"loss": 1.0, "acc": 0.25}, step=0, timestamp=1795411510250)
    mlflow.log_metrics({"loss": 0.5, "acc": 0.75}, step=10, timestamp=1795411510251)
    mlflow.log_metric("loss", 0.1 + 0.2, step=5, timestamp=1795411510252)
    mlflow.log_metric("plain", 42, timestamp=1795411510253)
    mlflow.log_metric("odd", float("nan"), timestamp=1795411510254)
    mlflow.log_metric("odd", float("-inf"), step=-1, timestamp=1795411510255)
    mlflow.log_metric("only_nan", float("nan"), timestamp=1795411510256)
    mlflow.set_tags({"team": "a", "empty": ""})
    mlflow.log_artifact("notes.txt", artifact_path="texts/a b")
    with mlflow.start_run(run_name="child", nested=True):
        mlflow.log_param("token", "gh" + "p_" + "x" * 36)
print(run.info.run_id, run.info.status)
"""
JOINING = """
import sys
import gittrack as mlflow

mlflow.log_metric("acc", 0.875, step=11, timestamp=1795411510299, run_id=sys.argv[1])
"""
EDITING = """
import sys
from gittrack.runs import edits
from gittrack.runs.store import Store

run = Store.open().find(sys.argv[1])
edits.write(run.folder, edits.Edit(user="Ben", name="renamed", note="looked at", tags={"team": None, "ok": "yes"}))
edits.write(run.folder.parent, edits.Edit(user="Ben", note="how large things are"))
"""


def make_tree(repository: Path) -> dict[str, bytes]:
    """Make the golden runs in a repository, and return the files of the tree in their standard form."""
    git("init", "-q", cwd=repository)
    (repository / "model.py").write_text("depth = 3\n")
    git("add", "-A", cwd=repository)
    git("commit", "-q", "-m", "first", cwd=repository)
    git("remote", "add", "origin", "https://ana:secret@example.org/size.git", cwd=repository)
    (repository / "model.py").write_text("depth = 4\n")
    (repository / "notes.txt").write_text("plain text\n")
    (repository / "train.py").write_text(SCRIPT)
    run_id, status = python(Path("train.py"), cwd=repository).stdout.split()
    assert status == "FINISHED"
    python(JOINING, run_id, cwd=repository)
    python(EDITING, run_id, cwd=repository)
    root = repository / "mlruns"
    found = (
        path for path in sorted(root.rglob("*")) if path.is_file() and ".cache" not in path.parts
    )
    return standard({path.relative_to(root).as_posix(): path.read_bytes() for path in found})


def standard(tree: dict[str, bytes]) -> dict[str, bytes]:
    """Replace what differs from one making to the next by fixed text of the same length."""
    ids = [
        json.loads(data)["run_id"]
        for name, data in sorted(tree.items())
        if name.endswith("run.json")
    ]
    names = {
        json.loads(tree[name])["run_id"]: json.loads(tree[name])["name"]
        for name in tree
        if name.endswith("run.json")
    }
    known = {
        run_id: {"golden": "g000000000", "child": "c000000000"}[names[run_id]] for run_id in ids
    }

    def text(value: str) -> str:
        for run_id, fixed in known.items():
            value = value.replace(run_id, fixed)
        value = re.sub(r"\b20\d{6}-\d{6}-", "20261123-051200-", value)
        value = re.sub(r"(edit-20261123-051200-)\w{8}", r"\g<1>e0000000", value)
        value = re.sub(r"(metrics\.)\w{8}(\.jsonl)", r"\g<1>m0000000\2", value)
        value = re.sub(r'(_time|"time)": "20[^"]+"', r'\1": "2026-11-23T05:12:00.123Z"', value)
        value = re.sub(r'"time":\d{13},"(params|tags)"', r'"time":1795411510000,"\1"', value)
        value = re.sub(r'"python": "[^"]+"', '"python": "3.11.7"', value)
        value = re.sub(r'"platform": "[^"]+"', '"platform": "Linux-x86_64"', value)
        return re.sub(r'"command": "python[\d.]* ', '"command": "python ', value)

    return {
        text(name): b"a==1\n" if name.endswith("requirements.txt") else text(data.decode()).encode()
        for name, data in tree.items()
    }


def test_the_tree_is_what_it_was(isolated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_AUTHOR_DATE", MOMENT)
    monkeypatch.setenv("GIT_COMMITTER_DATE", MOMENT)
    made = make_tree(isolated)
    if UPDATE:
        for name, data in made.items():
            (GOLDEN / name).parent.mkdir(parents=True, exist_ok=True)
            (GOLDEN / name).write_bytes(data)
    kept = {
        path.relative_to(GOLDEN).as_posix(): path.read_bytes()
        for path in sorted(GOLDEN.rglob("*"))
        if path.is_file()
    }
    assert made.keys() == kept.keys()
    for name in made:
        assert made[name] == kept[name], name


def test_every_file_of_the_tree_fits_its_schema() -> None:
    kinds = {"run.json": "run", "experiment.json": "experiment"}
    checked = set()
    for path in GOLDEN.rglob("*.json*"):
        kind = "line" if path.suffix == ".jsonl" else kinds.get(path.name, "edit")
        for text in path.read_text().splitlines() if kind == "line" else [path.read_text()]:
            assert schema.check(kind, json.loads(text)) == [], path
        checked.add(kind)
    assert checked == {"run", "experiment", "edit", "line"}
