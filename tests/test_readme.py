"""The README, followed word by word: its commands show what it says, in a clean checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.conftest import SOURCE

if TYPE_CHECKING:
    from pathlib import Path

README = (SOURCE / "README.md").read_text(encoding="utf-8")
KEPT = ("PIP_", "SSL_", "REQUESTS_", "CURL_", "HTTP", "http", "HOME", "GIT_", "LANG")
CHECKOUT = ("gittrack", "schemas", "examples", "pyproject.toml", "README.md", "LICENSE")
MARK = "-- next --"


class Block(NamedTuple):
    language: str
    text: str


BLOCKS = [
    Block(*found)
    for found in re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
]


def blocks(language: str) -> list[str]:
    return [block.text for block in BLOCKS if block.language == language]


def standard(text: str) -> list[str]:
    """Return the lines of an output less what differs from one session to the next."""
    text = re.sub(r"\d{8}-\d{6}-", "STAMP-", text)
    text = re.sub(r"\b[a-z][0-9a-hj-km-np-tv-z]{9}\b", "RUN", text)
    text = re.sub(r"\b[a-z]+-[a-z]+\b", "a-name", text)
    text = re.sub(r"\d+ (s|min) ago|just now|now", "AGO", text)
    text = re.sub(r"[+-]?\d+(\.\d+)?(e[+-]\d+)?", "N", text)
    lines = (re.sub(r"\s+", " ", line).strip() for line in text.splitlines())
    return sorted(line for line in lines if line and not line.startswith("["))


def session(text: str) -> list[tuple[str, str]]:
    """Split a console block into its commands and their outputs."""
    parts = re.split(r"^\$ (.*)\n", text, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout as it is cloned, in its own repository."""
    folder = tmp_path_factory.mktemp("checkout") / "gittrack"
    folder.mkdir()
    for name in CHECKOUT:
        source = SOURCE / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / name)
    shutil.copy(SOURCE / ".gitignore", folder)
    shutil.rmtree(folder / "examples" / "wine" / "mlruns", ignore_errors=True)
    return folder


def bash(script: str, folder: Path) -> str:
    """Run a script as if pasted into a fresh terminal; both outputs, as they come."""
    environment = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
    environment |= {"PATH": os.environ["PATH"], "COLUMNS": "120", "TERM": "dumb"}
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def follow(commands: list[str], folder: Path) -> list[str]:
    """Run commands one after the other in one shell, and return the output of each."""
    lines = [". .venv/bin/activate"]
    for command in commands:
        lines += [command, f"printf '%s\\n' '{MARK}'"]
        if command.endswith("&"):
            lines.insert(
                -1, "for _ in $(seq 3000); do curl -s localhost:5000/ping && break; sleep 0.1; done"
            )
    return bash("\n".join(lines), folder).split(f"{MARK}\n")


@pytest.mark.slow
def test_the_readme_is_followed_word_by_word(clean: Path) -> None:
    bash("git init -q && git add -A && git commit -q -m first", clean)
    first = blocks("sh")[0].strip()
    assert "\n" not in first
    assert "Accuracy" in bash(first, clean)

    steps = [step for block in blocks("console") for step in session(block)]
    outputs = follow([command for command, _ in steps], clean)
    for (command, expected), shown in zip(steps, outputs, strict=False):
        assert standard(shown) == standard(expected), command

    script, search = blocks("python")[:2]
    (clean / "first.py").write_text(script)
    (clean / "search.py").write_text(search)
    printed = follow(["python first.py", "python search.py"], clean)[1]
    assert printed.startswith("first 0.5 0.333")


def test_the_readme_says_what_it_is_in_under_forty_words() -> None:
    words = README.split("```")[0].split("\n", 1)[1].split()
    assert len(words) <= 40


def test_the_example_project_of_the_readme_is_read_as_one(tmp_path: Path) -> None:
    from gittrack.projects import mlproject

    (tmp_path / "MLproject").write_text(blocks("yaml")[0])
    project = mlproject.load(tmp_path)
    assert sorted(project.entry_points) == ["main", "validate"]


def test_every_command_stands_in_the_readme() -> None:
    from gittrack.cli.main import COMMANDS

    assert [name for name in COMMANDS if not re.search(f"`gittrack {name}[ `]", README)] == []
