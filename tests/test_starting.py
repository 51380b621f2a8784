"""`gittrack init`: rules that take effect, a `git diff` that reads well, and back again."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gittrack import starting
from gittrack.errors import ToolError
from gittrack.runs.store import Store
from tests.conftest import SOURCE, git, make_repository
from tests.making import write_run

LINES = "".join(
    f'{{"step":{n},"time":{n},"metrics":{{"acc":{n / 10},"loss":{1 - n / 10}}}}}\n'
    for n in range(5)
)


@pytest.fixture
def repository(isolated: Path) -> Path:
    return make_repository(isolated)


def inside(path: Path) -> str:
    return path.relative_to(Path.cwd()).as_posix()


@pytest.mark.usefixtures("repository")
def test_git_diff_shows_a_line_a_metric(store: Store) -> None:
    run = write_run(store, "aaaa", files={"metrics.jsonl": LINES})
    starting.set_up(store)
    git("add", "-A")
    shown = git("diff", "--cached", "--", str(run.folder / "metrics.jsonl"))
    added = [line for line in shown.splitlines() if line.startswith("+")][1:]
    assert added == [
        "+acc  last 0.4 at step 4  min 0.0  max 0.4  n 5  ▁▃▅▆█",
        "+loss  last 0.6 at step 4  min 0.6  max 1.0  n 5  █▆▅▃▁",
    ]


@pytest.mark.usefixtures("repository")
def test_where_its_python_is_gone_the_file_is_shown_as_it_is(store, monkeypatch):
    monkeypatch.setattr(starting.sys, "executable", "/gone/bin/python")
    run = write_run(store, "aaaa", files={"metrics.jsonl": LINES})
    starting.set_up(store)
    git("add", "-A")
    assert '+{"step":0' in git("diff", "--cached", "--", str(run.folder / "metrics.jsonl"))


@pytest.mark.needs("program:git-lfs")
@pytest.mark.usefixtures("repository")
def test_lfs_takes_artifacts_but_for_what_people_read(store: Store) -> None:
    Path(".gitattributes").write_text("*.py text")
    starting.set_up(store, lfs=True)
    starting.set_up(store, lfs=True)
    assert Path(".gitattributes").read_text().count("gittrack: begin") == 1
    files = {"artifacts/m/model.pkl": "x" * 500, "artifacts/m/MLmodel": "flavors: {}"}
    run = write_run(store, "aaaa", files=files)
    git("add", "-A")
    place = inside(run.folder)
    assert git("show", f":{place}/artifacts/m/model.pkl").startswith("version https://git-lfs")
    assert git("show", f":{place}/artifacts/m/MLmodel") == "flavors: {}"


@pytest.mark.usefixtures("repository")
def test_a_rule_that_ignores_the_store_is_said_with_the_line_that_mends_it(store):
    Path(".gitignore").write_text("*.pyc\nmlruns/\n")
    steps = starting.set_up(store)
    (step,) = [step for step in steps if "ignores" in step.text]
    assert ".gitignore:2:mlruns/" in step.text
    subprocess.run(step.hint, shell=True, check=True)
    assert not [step for step in starting.set_up(store) if "ignores" in step.text]
    write_run(store, "aaaa")
    assert "mlruns/" in git("status", "--porcelain")


@pytest.mark.usefixtures("repository")
def test_a_rule_without_effect_is_an_error(store: Store) -> None:
    Path(".git/info/attributes").write_text("*.jsonl diff=mine\n")
    with pytest.raises(ToolError, match=r"diff of .*metrics.jsonl is mine"):
        starting.set_up(store)


@pytest.mark.usefixtures("repository")
def test_files_of_the_users_are_left_as_they_are(store: Store) -> None:
    Path(".pre-commit-config.yaml").write_text("repos: []\n")
    steps = starting.set_up(store, pre_commit=True, starters=["github", "gitlab"])
    assert Path(".pre-commit-config.yaml").read_text() == "repos: []\n"
    assert any("gittrack fsck" in step.hint for step in steps)
    assert Path(".gitlab-ci.yml").exists()
    again = starting.set_up(store, starters=["github"])
    assert any("has it already" in step.text for step in again)


@pytest.mark.usefixtures("repository")
def test_it_can_be_taken_back(store: Store) -> None:
    before = git("config", "--local", "--list")
    starting.set_up(store)
    Path(".gitattributes").write_text(
        "*.py text\n# gittrack: begin\nx filter=lfs\n# gittrack: end\n"
    )
    starting.take_back(store)
    assert git("config", "--local", "--list") == before
    assert Path(".gitattributes").read_text() == "*.py text\n"
    assert store.root.is_dir()


def test_outside_a_work_tree_that_is_said(store: Store) -> None:
    with pytest.raises(ToolError, match="in no Git repository"):
        starting.set_up(store)


def test_the_workflows_are_those_of_the_examples() -> None:
    for name in ("github", "gitlab"):
        starter = (SOURCE / "gittrack" / "starters" / f"{name}.yml").read_bytes()
        assert starter == (SOURCE / "examples" / "ci" / f"{name}.yml").read_bytes()


@pytest.mark.usefixtures("repository")
def test_all_that_was_added_is_taken_back_and_nothing_else(store: Store) -> None:
    Path(".github").mkdir()
    Path(".github/CODEOWNERS").write_text("* @ana\n")
    starting.set_up(store, pre_commit=True, starters=["github", "gitlab"])
    with Path(".gitlab-ci.yml").open("a") as file:
        file.write("# mine\n")
    steps = [step.text for step in starting.take_back(store)]
    assert not Path(".pre-commit-config.yaml").exists()
    assert [path.name for path in Path(".github").iterdir()] == ["CODEOWNERS"]
    assert Path(".gitlab-ci.yml").read_text().endswith("# mine\n")
    assert any(".gitlab-ci.yml was changed since" in step for step in steps)
    Path(".gitlab-ci.yml").write_text("test: {script: make}\n")
    assert not any("gitlab" in step.text for step in starting.take_back(store))


@pytest.mark.needs("program:git-lfs")
@pytest.mark.usefixtures("repository")
def test_lfs_is_taken_back_where_it_was_set_up_here_and_nobody_else_needs_it(store: Store) -> None:
    starting.take_back(store)
    git("config", "lfs.repositoryformatversion", "0")  # which Git LFS writes and leaves
    before = git("config", "--local", "--list"), sorted(Path(".git/hooks").iterdir())
    starting.set_up(store, lfs=True)
    starting.set_up(store, lfs=True)
    with Path(".gitattributes").open("a") as file:
        file.write("*.psd filter=lfs\n")
    assert any(".gitattributes has a rule" in step.text for step in starting.take_back(store))
    assert Path(".git/hooks/pre-push").exists()
    Path(".gitattributes").unlink()
    starting.take_back(store)
    assert (git("config", "--local", "--list"), sorted(Path(".git/hooks").iterdir())) == before
    git("lfs", "install", "--local")
    starting.set_up(store, lfs=True)
    starting.take_back(store)
    assert git("config", "--local", "--get", "filter.lfs.process")


@pytest.mark.needs("program:git-lfs")
@pytest.mark.usefixtures("repository")
def test_artifacts_that_are_committed_already_go_to_lfs_and_back_as_the_hints_say(store: Store):
    run = write_run(store, "aaaa", files={"artifacts/model.pkl": "x" * 500})
    git("add", "-A")
    git("commit", "-q", "-m", "run")
    (hint,) = [step.hint for step in starting.set_up(store, lfs=True) if "LFS" in step.text]
    add, renormalize = hint.splitlines()
    for command in (add, renormalize.partition(" moves")[0]):
        subprocess.run(command, shell=True, check=True)
    place = inside(run.folder / "artifacts" / "model.pkl")
    assert git("show", f":{place}").startswith("version https://git-lfs")
    git("commit", "-q", "-m", "lfs")
    (hint,) = [step.hint for step in starting.take_back(store) if "no longer kept" in step.text]
    subprocess.run(hint.partition(" moves")[0], shell=True, check=True)
    assert git("show", f":{place}") == "x" * 500
