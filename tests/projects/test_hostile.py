"""Projects that want more than to be run: looking at them runs nothing of theirs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gittrack.errors import GittrackError, ProjectError
from gittrack.projects import mlproject, running
from tests.conftest import git, make_repository

if TYPE_CHECKING:
    pass

MLPROJECT = "entry_points: {main: {command: 'echo fine'}}\n"


def hostile_settings(pwned: Path) -> str:
    """Settings by which Git would run a program of the repository's choice."""
    touch = f"touch {pwned}"
    return (
        f'[core]\n\tfsmonitor = "{touch}"\n\thooksPath = .hooks\n\tsshCommand = "{touch};"\n'
        f'\teditor = "{touch}"\n\tpager = "{touch}"\n\tgitProxy = "{touch}"\n'
        f'[diff]\n\texternal = "{touch};"\n[diff "evil"]\n\ttextconv = "{touch};"\n'
        f'[filter "evil"]\n\tsmudge = "{touch}; cat"\n\trequired = true\n'
        f'[uploadpack]\n\tpackObjectsHook = "{touch};"\n[protocol "ext"]\n\tallow = always\n'
        f'[url "ext::{touch}"]\n\tinsteadOf = https://example.org/\n'
        f'[alias]\n\tclone = "!{touch}"\n\trev-parse = "!{touch}"\n'
    )


@pytest.fixture
def hostile(tmp_path: Path) -> tuple[Path, Path]:
    """A repository with such settings, hooks and attributes, and the file that must not appear."""
    pwned = tmp_path / "pwned"
    repository = make_repository(
        tmp_path / "hostile",
        {"MLproject": MLPROJECT, ".gitattributes": "*.txt filter=evil diff=evil\n", "a.txt": "a\n"},
    )
    hooks = repository / ".hooks"
    hooks.mkdir()
    for name in ("post-checkout", "pre-commit", "post-index-change", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {pwned}\n")
        (hooks / name).chmod(0o755)
    with (repository / ".git" / "config").open("a") as config:
        config.write(hostile_settings(pwned))
    return repository, pwned


def test_a_version_of_a_hostile_repository_runs_only_its_command(
    hostile: tuple[Path, Path], gittrack: Any
) -> None:
    repository, pwned = hostile

    done = gittrack("run", str(repository), "-v", "main")

    assert done.returncode == 0, done.stderr
    assert done.stdout == "fine\n"
    assert not pwned.exists()


def test_looking_at_a_hostile_folder_runs_nothing(
    hostile: tuple[Path, Path], gittrack: Any
) -> None:
    repository, pwned = hostile

    assert gittrack("run", str(repository), "--dry-run").returncode == 0
    assert gittrack("run", str(repository), "-e", "gone").returncode == 2
    assert gittrack("run", f"{repository}#gone").returncode == 3
    assert not pwned.exists()


def test_the_state_of_a_hostile_folder_is_recorded_without_its_programs(
    hostile: tuple[Path, Path], gittrack: Any
) -> None:
    repository, pwned = hostile
    config = repository / ".git" / "config"
    # A clean filter is how files get into Git at all: Git knows no state of the folder without it.
    config.write_text(config.read_text().replace("required = true", "required = false"))

    done = gittrack("run", str(repository))

    assert done.returncode == 0, done.stderr
    assert not pwned.exists()


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c 'touch {pwned}'",
        "--upload-pack=touch {pwned}",
        "ssh://-oProxyCommand=touch {pwned}/x",
        "-oProxyCommand=touch:{pwned}",
        "file:///x -u 'touch {pwned}'",
    ],
)
def test_a_submodules_url_runs_nothing(tmp_path: Path, gittrack: Any, url: str) -> None:
    pwned = tmp_path / "pwned"
    text = url.format(pwned=pwned)
    modules = f'[submodule "x"]\n\tpath = x\n\turl = "{text}"\n'
    outer = make_repository(tmp_path / "outer", {".gitmodules": modules, "MLproject": MLPROJECT})
    commit = git("rev-parse", "HEAD", cwd=outer)
    git("update-index", "--add", "--cacheinfo", f"160000,{commit},x", cwd=outer)
    git("commit", "-q", "-m", "hostile", cwd=outer)

    done = gittrack("run", outer.as_uri())

    assert done.returncode == 6
    assert not pwned.exists()


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in ("ab", "bc", "cd", "de", "ef", "fg")
)
MLPROJECTS = {
    "an environment above": ("python_env: ../../env.yaml", "is outside of"),
    "an absolute environment": ("conda_env: /etc/hostname", "is outside of"),
    "a linked environment": ("python_env: link.yaml", "is outside of"),
    "a bomb of aliases": (BOMB, "grows beyond"),
    "a tag of Python": ("name: !!python/object/apply:os.system ['touch pwned']", "not valid YAML"),
    "two environments": ("python_env: a\nconda_env: b", "several environments"),
    "only a Spark job": ("databricks_spark_job: {python_file: x.py}", "only Databricks"),
    "a script above": ("name: x", "no script"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "words"), MLPROJECTS.values(), ids=MLPROJECTS)
def test_an_mlproject_reaches_nothing_outside(isolated: Path, text: str, words: str) -> None:
    project = isolated / "project"
    project.mkdir()
    (project / "link.yaml").symlink_to("/etc/hostname")
    (isolated.parent / "env.yaml").write_text("")
    (isolated / "above.sh").write_text("touch pwned\n")
    (project / "MLproject").write_text(text)
    entry = "../above.sh" if text == "name: x" else "main"

    with pytest.raises(ProjectError, match=words) as error:
        running.run("project", entry)

    assert error.value.hint
    assert not (isolated / "mlruns").exists()
    assert not (project / "pwned").exists()


@pytest.mark.parametrize("name", ["$(touch pwned).py", "; touch pwned;.sh", "-c.py", "a b'\".sh"])
def test_a_script_of_any_name_is_only_run(isolated: Path, name: str) -> None:
    (isolated / name).write_text("echo = 1\n" if name.endswith("py") else "echo ran\n")

    done = running.run(".", name)

    assert done.exit_code == 0
    assert not (isolated / "pwned").exists()


def test_an_mlproject_that_is_a_pipe_is_not_waited_for(isolated: Path) -> None:
    import os

    os.mkfifo(isolated / "MLproject")

    with pytest.raises(GittrackError, match="cannot read MLproject"):
        mlproject.load(isolated)


@pytest.mark.parametrize(
    "text",
    [
        'entry_points: {main: {command: "echo \\0"}}',
        "docker_env: {image: x, environment: ['X=Y']}\n" + MLPROJECT,
        "docker_env: {image: x, volumes: ['here']}\n" + MLPROJECT,
    ],
    ids=["NUL", "environment", "volumes"],
)
def test_a_dry_run_refuses_what_a_run_refuses(isolated: Path, gittrack: Any, text: str) -> None:
    (isolated / "MLproject").write_text(text)

    assert gittrack("run", "--dry-run").returncode == 2
    assert gittrack("run").returncode == 2
    assert not (isolated / "mlruns").exists()
