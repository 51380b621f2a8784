"""A run brought back: from its commit, with its changes, and not from anything less."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gittrack.errors import InvalidValueError, NotComparableError
from gittrack.projects import rerunning, running, verifying
from gittrack.projects.rerunning import overridden
from gittrack.runs.store import Store
from tests.conftest import git, make_repository
from tests.environments.conftest import make_wheel
from tests.making import write_run

if TYPE_CHECKING:
    from collections.abc import Callable

TRAIN = """\
import sys
import gittrack
gittrack.log_param("own", "x")
gittrack.log_metric("loss", float(sys.argv[1]) * {factor})
"""
MLPROJECT = """\
entry_points:
  main:
    parameters: {alpha: {type: float, default: 0.5}}
    command: "python train.py {alpha}"
"""


@pytest.fixture
def repository(isolated: Path) -> Path:
    """A repository with a project in a folder of it, which the test stands in."""
    files = {"p/MLproject": MLPROJECT, "p/train.py": TRAIN.format(factor=2)}
    return make_repository(isolated, files)


def state_of(repository: Path) -> tuple[str, str, str, list[str]]:
    """All that a rerun must not touch."""
    return (
        git("status", "--porcelain", "--", ".", ":(exclude)mlruns", cwd=repository),
        git("rev-parse", "HEAD", cwd=repository),
        git("worktree", "list", cwd=repository),
        sorted(str(path) for path in repository.glob("p/*")),
    )


def test_a_run_is_brought_back_with_its_changes(repository: Path, gittrack: Any) -> None:
    train = repository / "p" / "train.py"
    train.write_text(TRAIN.format(factor=4))
    first = running.run("p", parameters={"alpha": 0.25}, run_name="first")
    train.write_text("raise SystemExit('other code')")
    (repository / "p" / "MLproject").write_text("broken: [")
    git("commit", "-q", "-am", "second")
    before = state_of(repository)

    done = gittrack("rerun", "first", "--verify", "--json")

    assert done.returncode == 0, done.stderr
    assert state_of(repository) == before
    again = Store.open().find("@")
    record = Store.open().find(first.run_id).record
    assert again.record.metrics == record.metrics
    assert again.record.params == record.params == {"alpha": 0.25, "own": "x"}
    assert again.record.source["project"] == record.source["project"]
    assert again.record.source["git"]["commit"] == record.source["git"]["commit"]
    assert again.record.source["git"]["patch_sha256"] == record.source["git"]["patch_sha256"]
    assert again.record.tags[rerunning.RERUN_TAG] == first.run_id
    assert str(repository) not in (again.folder / "run.json").read_text()
    shown = json.loads(done.stdout)
    assert shown["kind"] == "diff"
    assert shown["data"]["metrics"] == []
    assert "1 metrics are the same" in done.stderr


@pytest.mark.usefixtures("repository")
def test_another_value_gives_another_result_and_verify_says_so(gittrack: Any) -> None:
    running.run("p", parameters={"alpha": 0.25})

    shown = gittrack("rerun", "@", "-P", "alpha=0.5")
    differs = gittrack("rerun", "@~1", "-P", "alpha=0.75", "--verify")
    tolerated = gittrack("rerun", "@~2", "-P", "alpha=0.26", "--verify", "--tolerance", "loss=0.1")

    assert shown.returncode == 0
    assert "alpha" in shown.stdout
    assert "loss" in shown.stdout
    assert differs.returncode == 1
    assert "loss: 1.5 instead of 0.5" in differs.stderr
    assert tolerated.returncode == 0


def test_a_wrapped_command_is_brought_back_in_its_folder(repository: Path, gittrack: Any) -> None:
    command = ["run", "--scrape", "--", "python", "-c", "import os; print('x:', len(os.listdir()))"]
    assert gittrack(*command, cwd=repository / "p").returncode == 0

    done = gittrack("rerun", "@", cwd=repository / "p")

    assert done.returncode == 0, done.stderr
    again, first = Store.open().find("@"), Store.open().find("@~1")
    assert again.record.source["command"] == first.record.source["command"]
    assert (again.folder / "output.log").read_text() == (first.folder / "output.log").read_text()


def test_what_is_taken_of_a_command_is_taken_again(repository: Path, gittrack: Any) -> None:
    script = "echo loss=0.5; echo made > made.txt"
    options = ["--scrape", "--artifacts", "*.txt", "--name", "first"]
    assert gittrack("run", *options, "--", "sh", "-c", script).returncode == 0

    done = gittrack("rerun", "first", "--verify")

    assert done.returncode == 0, done.stderr
    runs = Store(repository / "mlruns").runs().runs
    assert [run.record.metrics["loss"].last for run in runs] == [0.5, 0.5]
    assert all((run.artifacts / "made.txt").read_text() == "made\n" for run in runs)


def test_a_script_that_nobody_wrapped_is_brought_back_too(repository: Path, gittrack: Any) -> None:
    subprocess.run([sys.executable, "train.py", "0.25"], cwd=repository / "p", check=True)

    done = gittrack("rerun", "@", "--verify")

    assert done.returncode == 0, done.stderr


def test_a_cloned_project_is_cloned_again_at_its_commit(
    repository: Path, tmp_path: Path, gittrack: Any
) -> None:
    bare = tmp_path / "bare.git"
    git("clone", "-q", "--bare", str(repository), str(bare))
    running.run(f"{bare.as_uri()}#p", version="main")
    (repository / "p" / "train.py").write_text("raise SystemExit(1)")
    git("commit", "-q", "-am", "second")
    git("push", "-q", str(bare), "main")

    assert gittrack("rerun", "@", "--verify").returncode == 0


def test_an_input_that_git_ignores_is_found_in_its_place(repository: Path, gittrack: Any) -> None:
    (repository / ".gitignore").write_text("data/\n")
    (repository / "data").mkdir()
    (repository / "data" / "x.csv").write_text("0.5")
    script = (
        "import gittrack\ngittrack.log_input('data/x.csv')\n"
        "gittrack.log_metric('loss', float(open('data/x.csv').read()))\n"
    )
    (repository / "read.py").write_text(script)
    git("add", "-A")
    git("commit", "-q", "-m", "reads")
    running.run(".", "read.py")

    same = gittrack("rerun", "@", "--verify")
    (repository / "data" / "x.csv").write_text("0.75")
    changed = gittrack("rerun", "@")

    assert same.returncode == 0, same.stderr
    assert changed.returncode == 4
    assert "the input x.csv has another digest now (data/x.csv)" in changed.stderr


def test_untracked_files_that_were_not_kept_are_said_and_used_as_they_are(
    repository: Path, gittrack: Any
) -> None:
    (repository / "p" / "train.py").write_text(
        "import gittrack, pathlib\n"
        "gittrack.log_metric('size', len(pathlib.Path('w.bin').read_bytes()))\n"
    )
    (repository / "p" / "w.bin").write_bytes(b"\0" * 10)
    (repository / "core").write_bytes(b"\0" * 10)
    running.run("p")
    (repository / "core").unlink()

    done = gittrack("rerun", "@", "--verify")

    assert done.returncode == 0, done.stderr
    assert "warning: p/w.bin was in no commit: what it is now is used" in done.stderr
    assert "warning: core was in no commit, and is gone" in done.stderr
    assert (repository / "p" / "w.bin").read_bytes() == b"\0" * 10


def test_a_change_that_was_not_kept_of_a_committed_file_is_refused(
    repository: Path, gittrack: Any
) -> None:
    token = "ghp_" + "a" * 36
    (repository / "p" / "train.py").write_text(f"token = '{token}'\n")
    running.run("p")

    done = gittrack("rerun", "@")

    assert done.returncode == 4
    assert "its uncommitted changes are not kept in full (p/train.py)" in done.stderr


@pytest.mark.usefixtures("repository")
def test_a_secret_is_not_in_the_record_and_has_to_be_given_again(gittrack: Any) -> None:
    token = "ghp_" + "a" * 36
    gittrack("run", "p", "-e", "train.py", "-P", f"token={token}")
    assert gittrack("run", "--", "echo", token).returncode == 0

    wrapped, project = gittrack("rerun", "@"), gittrack("rerun", "@~1")
    given = gittrack("rerun", "@~1", "-P", f"token={token}")

    assert wrapped.returncode == 4
    assert "its command is not recorded in full" in wrapped.stderr
    assert project.returncode == 4
    assert "the value of -P token is not recorded: it was a secret" in project.stderr
    assert "cannot be brought back" not in given.stderr
    assert len(Store.open().runs().runs) == 3


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated patch": (
        lambda folder: edit(folder, lambda git: git.update(patch_truncated=True)),
        "changes are not kept in full",
    ),
    "other patch": (
        lambda folder: (folder / "source.patch").write_text("--- nonsense"),
        "its digest differs",
    ),
    "no patch": (lambda folder: (folder / "source.patch").unlink(), "cannot be read"),
    "missing commit": (
        lambda folder: edit(folder, lambda git: git.update(commit="0" * 40)),
        "its commit 0000000000 is not in the repository",
    ),
    "an option for a commit": (
        lambda folder: edit(folder, lambda git: git.update(commit="--upload-pack=touch pwned")),
        "is not in the repository",
    ),
    "no commit": (lambda folder: edit(folder, lambda git: git.clear()), "no commit is recorded"),
}


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    data = json.loads((folder / "run.json").read_text())
    change(data["source"]["git"])
    (folder / "run.json").write_text(json.dumps(data))


@pytest.mark.parametrize(("spoil", "words"), BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_brought_back_is_said_before_anything_runs(
    repository: Path, gittrack: Any, spoil: Callable[[Path], object], words: str
) -> None:
    (repository / "p" / "train.py").write_text(TRAIN.format(factor=4))
    first = running.run("p", parameters={"alpha": 0.25})
    spoil(first.folder)

    done = gittrack("rerun", "@", "--verify")

    assert done.returncode == 4
    assert f"run {first.run_id} cannot be brought back: " in done.stderr
    assert words in done.stderr
    assert len(Store.open().runs().runs) == 1
    assert not (repository / "pwned").exists()


@pytest.mark.usefixtures("repository")
def test_force_runs_what_there_is(gittrack: Any) -> None:
    first = running.run("p", parameters={"alpha": 0.25})
    edit(first.folder, lambda git: git.update(commit="0" * 40))

    done = gittrack("rerun", "@", "--force", "--verify")

    assert done.returncode == 0, done.stderr
    assert "warning: its commit 0000000000 is not in the repository" in done.stderr


@pytest.mark.parametrize("where", ["../../etc", "/etc", "p/../../x"])
@pytest.mark.usefixtures("repository")
def test_a_hostile_record_leads_nowhere(gittrack: Any, where: str) -> None:
    first = running.run("p", parameters={"alpha": 0.25})
    data = json.loads((first.folder / "run.json").read_text())
    data["source"]["project"]["uri"] = where
    (first.folder / "run.json").write_text(json.dumps(data))

    done = gittrack("rerun", "@")

    assert done.returncode in (3, 4)
    assert len(Store.open().runs().runs) == 1


def test_the_versions_of_the_recorded_environment_come_back(
    isolated: Path, store: Store, gittrack: Any
) -> None:
    links = isolated.parent / "links"
    links.mkdir()
    make_wheel(links, "tiny", "1.0")
    lines = f"--no-index\n--find-links {links.as_uri()}\ntiny\n"
    script = "import gittrack, tiny; gittrack.log_metric('version', float(tiny.VERSION))"
    project = {"MLproject": "python_env: requirements.txt\n", "t.py": script}
    make_repository(isolated, {**project, "requirements.txt": lines})
    running.run(".", "t.py")
    make_wheel(links, "tiny", "2.0")

    done = gittrack("rerun", "@", "--verify")

    assert done.returncode == 0, done.stderr
    assert store.find("@").record.metrics["version"].last == 1.0
    assert "tiny==1.0" in (store.find("@").folder / "requirements.txt").read_text()


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["t", "--lr", "1", "x"], ("t", "--lr", "0.5", "x")),
        (["t", "--lr=1"], ("t", "--lr=0.5")),
        (["t"], ("t", "--lr", "0.5")),
        (["t", "--lr"], ("t", "--lr", "--lr", "0.5")),
    ],
)
def test_the_options_of_a_command_get_other_values(
    command: list[str], expected: tuple[str, ...]
) -> None:
    assert overridden(command, {"lr": 0.5}) == expected


def test_what_is_tolerated_is_relative_to_the_first(store: Store) -> None:
    first = write_run(store, "a1", metrics={"loss": 2, "acc": 0.5, "nan": float("nan"), "zero": 0})
    second = write_run(
        store, "b1", metrics={"loss": 2.1, "acc": 0.5, "nan": float("nan"), "zero": 1e-9, "new": 1}
    )

    assert {found.metric for found in verifying.verify(first, second, {})} == {"loss", "zero"}
    assert verifying.verify(first, second, {"loss": 0.04}) == [
        verifying.Deviation("loss", 2.0, 2.1, 0.04),
        verifying.Deviation("zero", 0.0, 1e-9, 0.0),
    ]
    assert [found.metric for found in verifying.verify(first, second, {"": 0.06})] == ["zero"]


def test_what_cannot_be_compared_never_passes(store: Store) -> None:
    good = write_run(store, "a1", metrics={"loss": 2})
    failed = write_run(store, "b1", metrics={"loss": 2}, status="FAILED")
    empty = write_run(store, "c1")

    for pair in ((good, failed), (failed, good), (good, empty), (empty, good)):
        with pytest.raises(NotComparableError):
            verifying.verify(*pair, {})
    with pytest.raises(NotComparableError, match="'gone'"):
        verifying.verify(good, good, {"gone": 0.1})


@pytest.mark.parametrize("text", ["loss=", "loss=much", "-1", "nan", "inf", "loss", "=1"])
def test_a_tolerance_is_a_number_from_zero_on(text: str) -> None:
    with pytest.raises(InvalidValueError, match="METRIC=NUMBER"):
        verifying.parse_tolerances([text])


def test_tolerances_are_read() -> None:
    assert verifying.parse_tolerances(["a=b=0.1", "0.5"]) == {"a=b": 0.1, "": 0.5}
