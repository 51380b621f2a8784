"""The workflows of `examples/ci`, their steps run one by one against a local bare repository."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

from gittrack.runs import revisions
from gittrack.runs.store import Store
from tests.conftest import SOURCE, git, make_repository

PROJECT = {
    "MLproject": "name: demo\nentry_points:\n  main:\n    command: python train.py\n",
    "train.py": (
        "import gittrack\nfrom acc import ACC\n"
        "for step in range(5):\n    gittrack.log_metric('acc', ACC * step / 4, step=step)\n"
    ),
    "acc.py": "ACC = 0.8\n",
    ".gitignore": "__pycache__/\nreport.*\ngates.xml\nsummary.md\n",
    "pyproject.toml": '[tool.gittrack.check]\nmax-regress = {acc = "1%"}\n',
}
# What only the machines of the host have: the package index, and a token in the remote's URL.
THEIRS = ("pip install", "git remote set-url")


def steps(name: str) -> list[str]:
    """Return the scripts of a workflow's steps, in their order."""
    workflow = yaml.safe_load((SOURCE / "examples" / "ci" / f"{name}.yml").read_text())
    if name == "github":
        found = [step.get("run", "") for step in workflow["jobs"]["run"]["steps"]]
    else:
        job = workflow["experiments"]
        found = [*job["before_script"], *job["script"]]
    return [script for script in found if script and not script.startswith(THEIRS)]


def run_job(name: str, clone: Path) -> list[int]:
    """Run all steps as the host does, and return their exit codes."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "GITHUB_STEP_SUMMARY": str(clone / "summary.md"),
        "NUMBER": "",
        "CI_COMMIT_REF_NAME": "feature",
        "CI_SERVER_HOST": "git.example.org",
    }
    codes = []
    for script in steps(name):
        done = subprocess.run(
            ["bash", "-e", "-c", script],
            cwd=clone, env=environment, check=False, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode in (0, 1), f"{script}\n{done.stderr}"
        codes.append(done.returncode)
    return codes


@pytest.fixture
def clone(isolated: Path) -> Path:
    """A clone of a bare repository with one run on main, where a branch is checked out."""
    first = make_repository(isolated / "first", PROJECT)
    git("clone", "-q", "--bare", str(first), str(isolated / "shared.git"))
    git("clone", "-q", str(isolated / "shared.git"), str(isolated / "clone"))
    folder = isolated / "clone"
    for words in (["run", "."], ["commit", "--push"]):
        subprocess.run([sys.executable, "-m", "gittrack", *words], cwd=folder, check=True)
    git("checkout", "-q", "-b", "feature", cwd=folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", ["github", "gitlab"])
@pytest.mark.parametrize(("acc", "passes"), [(0.9, True), (0.5, False)])
def test_a_branch_is_run_committed_reported_and_gated(
    clone: Path, isolated: Path, name: str, acc: float, passes: bool
) -> None:
    # Of another length, since Python tells compiled files by length and second.
    (clone / "acc.py").write_text(f"ACC = {acc}  # changed\n")
    git("commit", "-q", "-am", "a change", cwd=clone)
    git("push", "-q", "-u", "origin", "feature", cwd=clone)
    codes = run_job(name, clone)
    assert codes == [0] * (len(codes) - 1) + [0 if passes else 1]

    shared = Store.open(isolated / "shared.git" / "mlruns")
    runs = revisions.at(shared, "feature").runs().runs
    assert sorted(run.record.metrics["acc"].last for run in runs) == sorted([0.8, acc])
    assert len(revisions.at(shared, "main").runs().runs) == 1
    report = (clone / "report.md").read_text()
    assert f"{acc} ({(acc - 0.8) / 0.8:+.2%} {'better' if passes else 'worse'})" in report
    suite = ET.parse(clone / "gates.xml").getroot()
    assert suite.get("failures") == ("0" if passes else "1")
    assert git("status", "--porcelain", cwd=clone) == ""
