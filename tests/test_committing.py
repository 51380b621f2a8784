"""`gittrack commit`: each commit holds exactly its runs, and nobody's other work is touched."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gittrack import committing, picking
from gittrack.errors import (
    BrokenRunError,
    NotFoundError,
    RunStateError,
    SecretFoundError,
    StoreError,
    ToolError,
)
from gittrack.git import committing as plumbing
from gittrack.runs import edits, live, opening
from gittrack.runs.edits import Edit
from gittrack.runs.record import RUNNING, to_bytes
from gittrack.runs.store import Store
from tests.conftest import git, make_repository
from tests.making import put, record, write_run

if TYPE_CHECKING:
    from tests.conftest import Meanwhile

# Runs a training and commits it, as a job on a shared machine does.
JOB = """
import sys, gittrack
from gittrack.cli.main import main
with gittrack.start_run(run_name=sys.argv[1]) as run:
    gittrack.log_param("by", sys.argv[1])
    gittrack.log_metric("acc", 0.5, step=1)
    gittrack.log_text("hello", "notes.txt")
main(["commit", run.info.run_id, *sys.argv[2:]])
"""


def job(folder: Path, name: str, *args: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", JOB, name, *args],
        cwd=folder, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def files_of(commit: str = "HEAD") -> set[str]:
    return set(git("ls-tree", "-r", "--name-only", "-z", commit).rstrip("\0").split("\0"))


def added(commit: str = "HEAD") -> set[str]:
    listed = git("diff-tree", "-r", "--root", "--no-commit-id", "--name-only", "-z", commit)
    return set(listed.rstrip("\0").split("\0"))


def inside(path: Path) -> str:
    return path.relative_to(Path.cwd()).as_posix()


def in_folder(folder: Path) -> set[str]:
    top = Path(git("rev-parse", "--show-toplevel"))
    return {path.relative_to(top).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def busy(isolated: Path, store: Store) -> Store:
    """A clone with staged, changed and untracked work, beside a first run on main."""
    write_run(store, "old0")
    store.prepare()
    make_repository(isolated, {"train.py": "x = 1\n", "other.py": "y = 1\n", "gone.py": ""})
    Path("train.py").write_text("x = 2\n")
    git("add", "train.py")
    Path("train.py").write_text("x = 3\n")
    Path("other.py").write_text("y = 2\n")
    Path("new.py").write_text("z = 1\n")
    git("rm", "-q", "gone.py")
    Path("untracked ü.txt").write_text("mine\n")
    git("add", "-N", "new.py")
    return store


def work() -> tuple[str, str, str]:
    """Return what is staged, what is changed and what is untracked, but for the store."""
    rest = ["--", ".", ":!mlruns"]
    return (
        git("diff", "--cached", *rest),
        git("diff", *rest),
        git("status", "--porcelain", *rest),
    )


def test_a_commit_holds_exactly_the_run_and_leaves_other_work_alone(busy: Store) -> None:
    run, other = write_run(busy, "aaaa", metrics={"acc": 0.9}), write_run(busy, "bbbb")
    before = work()
    done = committing.commit(busy, ["aaaa"])
    assert done.commit == git("rev-parse", "HEAD")
    assert added() == in_folder(run.folder)
    assert work() == before
    git("commit", "-q", "-m", "unrelated")
    assert in_folder(run.folder) <= files_of()
    assert not in_folder(other.folder) & files_of()


def test_its_message_tells_params_and_metrics_and_names_the_run(busy: Store) -> None:
    write_run(busy, "aaaa", name="brave-otter", params={"lr": 0.1}, metrics={"acc": 0.9})
    committing.commit(busy, ["aaaa"])
    assert git("log", "-1", "--format=%s") == "Run brave-otter: acc=0.9"
    assert "params: lr=0.1" in git("log", "-1", "--format=%b")
    assert git("log", "-1", "--format=%(trailers:key=Gittrack-Run,valueonly)") == "aaaa"
    write_run(busy, "bbbb")
    committing.commit(busy, ["bbbb"], message="Mine\n\nwith words")
    assert git("log", "-1", "--format=%s") == "Mine"
    assert git("log", "-1", "--format=%(trailers:key=Gittrack-Run,valueonly)") == "bbbb"


def test_names_in_a_message_cannot_pass_for_trailers(busy: Store) -> None:
    evil = "x\n\nGittrack-Run: cccc\n"
    write_run(busy, "aaaa", name=evil, params={evil: evil}, metrics={evil: 1})
    write_run(busy, "bbbb", name=evil)
    committing.commit(busy, ["aaaa", "bbbb"])
    trailers = git("log", "-1", "--format=%(trailers:key=Gittrack-Run,valueonly)")
    assert trailers.split() == ["aaaa", "bbbb"]
    committing.commit(busy, everything=True)


def test_what_is_committed_already_makes_no_commit(busy: Store) -> None:
    head = git("rev-parse", "HEAD")
    assert committing.commit(busy, ["old0"]).commit is None
    assert git("rev-parse", "HEAD") == head


def test_all_takes_every_change_of_the_store_and_nothing_else(busy: Store) -> None:
    run, staged = write_run(busy, "aaaa", experiment="Größe 1"), write_run(busy, "bbbb")
    edits.write(busy.find("old0").folder, Edit(tags={"team": "a"}))
    edits.write(busy.root / "wine", Edit(note="about wine"))
    put(busy.root / ".cache" / "live" / "x", "")
    put(run.folder / f"half{'.gittrack-tmp'}", "")
    git("add", str(staged.folder))
    before = work()
    done = committing.commit(busy, everything=True)
    assert {run.run_id for run in done.runs} == {"aaaa", "bbbb", "old0"}
    assert work() == before
    assert git("status", "--porcelain", "mlruns") == ""
    assert not any(".cache" in name or "tmp" in name for name in files_of())
    assert committing.commit(busy, everything=True).commit is None


def test_a_first_commit_is_made_in_a_repository_without_any(isolated: Path, store: Store) -> None:
    git("init", "-q")
    write_run(store, "aaaa", experiment="Größe 1")
    store.prepare()
    Path("staged.txt").write_text("x")
    git("add", "staged.txt")
    committing.commit(store)
    assert "mlruns/.gitignore" in files_of()
    assert any(name.endswith("experiment.json") for name in files_of())
    assert git("status", "--porcelain") == "A  staged.txt"
    write_run(store, "bbbb")
    committing.commit(Store.open(isolated / "mlruns"), everything=True)
    assert git("rev-list", "--count", "HEAD") == "2"


def test_files_that_rules_outside_the_store_ignore_are_committed(busy: Store) -> None:
    Path(".gitignore").write_text("*.log\n*.pkl\nbuild/\n")
    files = {"output.log": "x", "artifacts/m/model.pkl": "x", "artifacts/build/x": "x"}
    run = write_run(busy, "aaaa", files=files)
    committing.commit(busy, ["aaaa"])
    assert in_folder(run.folder) <= files_of()


def test_a_store_that_git_ignores_is_refused_with_the_line(busy: Store) -> None:
    Path(".gitignore").write_text("*.pyc\nmlruns/\n")
    write_run(busy, "aaaa")
    with pytest.raises(ToolError, match=r"\.gitignore:2:mlruns/"):
        committing.commit(busy, ["aaaa"])
    Path(".gitignore").write_text("mlruns/\n!mlruns/\n")
    assert committing.commit(busy, ["aaaa"]).commit


@pytest.mark.parametrize(
    ("name", "text"),
    [("artifacts/notes.txt", f"token = ghp_{'a' * 36}"), ("artifacts/.env", ""), ("id_rsa", "x")],
)
def test_secrets_are_refused_unless_allowed(busy: Store, name: str, text: str) -> None:
    write_run(busy, "aaaa", files={name: text})
    head = git("rev-parse", "HEAD")
    with pytest.raises(SecretFoundError, match=Path(name).name):
        committing.commit(busy, ["aaaa"])
    assert git("rev-parse", "HEAD") == head
    assert committing.commit(busy, ["aaaa"], allow_secrets=True).commit


def test_names_that_only_begin_like_a_keys_are_no_secrets(busy: Store) -> None:
    write_run(busy, "aaaa", files={"artifacts/id_map.json": "{}"})
    assert committing.commit(busy, ["aaaa"]).commit


def test_a_run_that_ends_meanwhile_is_committed_whole(busy: Store, meanwhile: Meanwhile) -> None:
    run = write_run(busy, "aaaa", status=RUNNING)

    def end() -> None:
        put(run.folder / "metrics.jsonl", '{"time":1,"metrics":{"acc":0.5}}\n')
        put(run.folder / "artifacts" / "notes.txt", "late")
        put(run.folder / "run.json", to_bytes(record("aaaa")))

    meanwhile(picking, "read_run", end)
    committing.commit(busy, everything=True)
    assert in_folder(run.folder) <= files_of()


def test_a_run_that_is_being_made_is_left_for_the_next_commit(busy: Store) -> None:
    write_run(busy, "aaaa")
    _, begun = opening.make_folder(busy.root / "wine", time.time_ns() // 1_000_000)
    put(begun / "source.patch", "half")
    done = committing.commit(busy, everything=True)
    assert [run.run_id for run in done.runs] == ["aaaa"]
    assert not in_folder(begun) & files_of()


def test_a_running_run_is_refused_unless_asked_for(busy: Store) -> None:
    write_run(busy, "aaaa", status=RUNNING, end_time=None)
    write_run(busy, "bbbb")
    mark = live.take(busy.root, "aaaa")
    assert mark is not None
    with pytest.raises(RunStateError, match="aaaa.*is running"):
        committing.commit(busy, ["bbbb", "aaaa"])
    done = committing.commit(busy, everything=True)
    assert [run.run_id for run in done.live] == ["aaaa"]
    assert not any("aaaa" in name for name in files_of())
    assert committing.commit(busy, ["aaaa"], running=True).commit
    mark.release()


def test_a_detached_head_and_a_merge_are_refused_with_what_to_do(busy: Store) -> None:
    write_run(busy, "aaaa")
    git("checkout", "-q", "--detach")
    with pytest.raises(ToolError, match="detached") as raised:
        committing.commit(busy, ["aaaa"])
    assert "git switch" in raised.value.hint
    git("checkout", "-q", "main")
    (Path(".git") / "MERGE_HEAD").write_text(git("rev-parse", "HEAD") + "\n")
    with pytest.raises(ToolError, match="in the middle of a merge"):
        committing.commit(busy, ["aaaa"])


def test_in_the_middle_of_applying_patches_the_command_that_goes_on_is_named(
    isolated: Path, store: Store
) -> None:
    make_repository(isolated)
    write_run(store, "aaaa")
    put(Path("patched.txt"), "1\n")
    git("add", "patched.txt")
    git("commit", "-q", "-m", "one")
    put(Path("one.patch"), git("format-patch", "-1", "--stdout"))
    with pytest.raises(subprocess.CalledProcessError):
        git("am", "-q", "one.patch")
    with pytest.raises(ToolError, match="in the middle of applying patches") as raised:
        committing.commit(store, ["aaaa"])
    assert raised.value.hint.startswith("git am --continue")
    git("am", "--abort")


def test_an_index_that_stays_locked_is_said_with_what_mends_it(
    busy: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plumbing, "PATIENCE_SECONDS", 0.2)
    run = write_run(busy, "aaaa")
    Path(".git/index.lock").touch()
    with pytest.raises(ToolError, match="stays locked") as raised:
        committing.commit(busy, ["aaaa"])
    assert in_folder(run.folder) <= files_of()
    Path(".git/index.lock").unlink()
    command = raised.value.hint.partition(": ")[2]
    assert command.startswith("git reset -q -- ")
    subprocess.run(command, shell=True, check=True)
    git("commit", "-q", "--allow-empty", "-m", "unrelated")
    assert in_folder(run.folder) <= files_of()


def test_an_index_that_is_locked_for_a_while_is_waited_for(busy: Store) -> None:
    run = write_run(busy, "aaaa")
    lock = Path(".git/index.lock").absolute()
    lock.touch()
    threading.Timer(0.5, lock.unlink).start()
    committing.commit(busy, ["aaaa"])
    git("commit", "-q", "-m", "unrelated")
    assert in_folder(run.folder) <= files_of()


def test_hooks_are_not_run(busy: Store) -> None:
    for name in ("pre-commit", "commit-msg", "prepare-commit-msg"):
        put(Path(".git/hooks") / name, "#!/bin/sh\nexit 1\n")
        (Path(".git/hooks") / name).chmod(0o755)
    write_run(busy, "aaaa")
    assert committing.commit(busy, ["aaaa"]).commit


def test_commits_are_signed_where_the_user_signs(busy: Store, isolated: Path) -> None:
    program = isolated.parent / "gpg"
    program.write_text("#!/bin/sh\ncat >/dev/null\necho '[GNUPG:] SIG_CREATED ' >&2\necho SIGNED\n")
    program.chmod(0o755)
    git("config", "commit.gpgsign", "true")
    git("config", "gpg.program", str(program))
    write_run(busy, "aaaa")
    committing.commit(busy, ["aaaa"])
    assert "gpgsig SIGNED" in git("cat-file", "commit", "HEAD")


def test_a_name_that_git_does_not_know_is_its_error(busy: Store) -> None:
    git("config", "user.useConfigOnly", "true")
    git("config", "user.name", "")
    write_run(busy, "aaaa")
    with pytest.raises(ToolError, match="commit-tree failed"):
        committing.commit(busy, ["aaaa"])


def test_a_file_that_hosts_refuse_is_named(busy: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committing, "LARGE", 1000)
    write_run(busy, "aaaa", files={"artifacts/big": "x" * 2000, "artifacts/lfs": "x" * 2000})
    Path(".gitattributes").write_text("lfs filter=lfs\n")
    done = committing.commit(busy, ["aaaa"])
    assert [(Path(path).name, size) for path, size in done.large] == [("big", 2000)]


@pytest.mark.usefixtures("busy")
def test_places_without_a_work_tree_or_a_repository_say_so(
    isolated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreError, match="no folder"):
        committing.commit(Store.open(isolated / "sub" / "mlruns"))
    git("clone", "-q", "--bare", ".", str(isolated.parent / "bare.git"))
    monkeypatch.chdir(isolated.parent / "bare.git")
    with pytest.raises(ToolError, match="bare repository"):
        committing.commit(Store.open())
    outside = Store.open(isolated.parent / "outside" / "mlruns")
    write_run(outside, "aaaa")
    with pytest.raises(ToolError, match="in no Git repository"):
        committing.commit(outside)


@pytest.mark.parametrize("kind", ["worktree", "submodule", "sha256", "autocrlf", "ü and spaces"])
def test_runs_are_committed_whole_in_repositories_of_all_kinds(
    isolated: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    top = isolated.parent / kind
    if kind == "sha256":
        git("init", "-q", "--object-format=sha256", str(top))
    elif kind == "worktree":
        make_repository(isolated)
        git("worktree", "add", "-q", "-b", "side", str(top))
    elif kind == "submodule":
        make_repository(isolated.parent / "inner")
        make_repository(isolated)
        git("submodule", "add", "-q", str(isolated.parent / "inner"), "sub")
        top = isolated / "sub"
    else:
        make_repository(top)
        git("config", "core.autocrlf", "true" if kind == "autocrlf" else "false", cwd=top)
    monkeypatch.chdir(top)
    data = b"a\r\nb\nc\r"
    write_run(Store.open(), "aaaa", files={"artifacts/crlf.txt": data, "artifacts/ü 'x'": "x"})
    Store.open().prepare()
    done = committing.commit(Store.open())
    assert git("status", "--porcelain") == ""
    run = Store.open().find("aaaa")
    name = (run.artifacts / "crlf.txt").relative_to(top.resolve()).as_posix()
    kept = subprocess.run(
        ["git", "cat-file", "blob", f"HEAD:{name}"], check=True, capture_output=True
    )
    assert kept.stdout == data
    assert done.outer == (str(isolated) if kind == "submodule" else "")


def test_links_and_strange_names_are_committed_as_they_are(busy: Store) -> None:
    run = write_run(busy, "aaaa", files={'artifacts/a\nb\t"c': "x", "artifacts/-x": "x"})
    (run.artifacts / "link").symlink_to("-x")
    (run.artifacts / "loop").symlink_to("loop")
    os.mkfifo(run.artifacts / "pipe")
    committing.commit(busy, ["aaaa"])
    names = {name.rpartition("artifacts/")[2] for name in files_of() if "aaaa" in name}
    assert names >= {'a\nb\t"c', "-x", "link", "loop"}
    assert "pipe" not in names


@pytest.mark.slow
def test_sixteen_processes_commit_at_the_same_time_in_one_busy_clone(busy: Store) -> None:
    before, begin = work(), git("rev-parse", "HEAD")
    names = [f"job-{number:02}" for number in range(16)]
    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(lambda name: job(Path.cwd(), name), names))

    commits = git("rev-list", f"{begin}..HEAD").split()
    assert len(commits) == len(names)
    runs = {run.run_id: run for run in busy.runs().runs if run.run_id != "old0"}
    for commit in commits:
        (run_id,) = git(
            "log", "-1", "--format=%(trailers:key=Gittrack-Run,valueonly)", commit
        ).split()
        assert added(commit) == in_folder(runs.pop(run_id).folder)
    assert not runs
    assert work() == before
    git("commit", "-q", "-m", "unrelated")
    for run in busy.runs().runs:
        assert in_folder(run.folder) <= files_of()


@pytest.mark.slow
def test_twenty_clones_commit_and_push_to_one_repository_at_the_same_time(isolated: Path) -> None:
    make_repository(isolated / "first", {"train.py": "x = 1\n"})
    git("clone", "-q", "--bare", str(isolated / "first"), str(isolated / "shared.git"))
    clones = [isolated / f"clone-{number:02}" for number in range(20)]
    for clone in clones:
        git("clone", "-q", str(isolated / "shared.git"), str(clone))
        (clone / "train.py").write_text(f"# {clone.name}\n")
    with ThreadPoolExecutor(len(clones)) as pool:
        list(pool.map(lambda clone: job(clone, clone.name, "--push"), clones))

    git("clone", "-q", str(isolated / "shared.git"), str(isolated / "last"))
    store = Store.open(isolated / "last" / "mlruns")
    assert {run.record.name for run in store.runs().runs} == {clone.name for clone in clones}
    assert not store.runs().problems
    for clone in clones:
        assert (clone / "train.py").read_text() == f"# {clone.name}\n"
        run = next(run for run in store.runs().runs if run.record.name == clone.name)
        own = next(
            run for run in Store.open(clone / "mlruns").runs().runs if run.run_id == run.run_id
        )
        assert own.run_id
        names = {
            path.relative_to(run.folder).as_posix()
            for path in run.folder.rglob("*")
            if path.is_file()
        }
        assert names >= {"run.json", "metrics.jsonl", "artifacts/notes.txt"}
        git("pull", "-q", "--no-rebase", cwd=clone)
        assert git("status", "--porcelain", cwd=clone) == "M train.py"


def test_a_push_needs_a_remote(busy: Store) -> None:
    write_run(busy, "aaaa")
    with pytest.raises(NotFoundError, match="no remote"):
        committing.commit(busy, push=True)


def test_a_record_that_cannot_be_read_is_not_committed_with_all(busy: Store) -> None:
    run = write_run(busy, "aaaa")
    committing.commit(busy, everything=True)
    (run.folder / "run.json").write_text('{"cut')
    with pytest.raises(BrokenRunError, match="run.json"):
        committing.commit(busy, everything=True)
    shutil.rmtree(run.folder)  # what is gone hinders nothing
    write_run(busy, "bbbb")
    assert committing.commit(busy, everything=True).removed


def test_a_folder_that_became_a_file_is_committed(busy: Store) -> None:
    run = write_run(busy, "aaaa", files={"artifacts/model/weights.txt": "x"})
    committing.commit(busy, ["aaaa"])
    shutil.rmtree(run.artifacts / "model")
    (run.artifacts / "model").write_text("flat")
    assert committing.commit(busy, ["aaaa"]).commit
    assert git("show", "--stat", "--format=", "HEAD").count("artifacts/model") >= 1


def test_all_removes_the_runs_that_are_gone_and_says_which(busy: Store) -> None:
    going = write_run(busy, "aaaa", name="brave-otter")
    kept = write_run(busy, "bbbb", files={"metrics.2.jsonl": "", "artifacts/a": "x"})
    committing.commit(busy, everything=True)
    before = work()
    shutil.rmtree(going.folder)
    (kept.artifacts / "a").unlink()
    done = committing.commit(busy, everything=True)
    assert [run.record.name for run in done.removed] == ["brave-otter"]
    assert ([run.run_id for run in done.runs], done.files, done.gone) == (["bbbb"], 0, 2)
    assert "removed: brave-otter (aaaa)" in git("log", "-1", "--format=%b")
    assert git("log", "-1", "--format=%(trailers:key=Gittrack-Removed,valueonly)") == "aaaa"
    assert not [name for name in files_of() if "aaaa" in name or name.endswith("artifacts/a")]
    assert git("status", "--porcelain", "mlruns") == ""
    assert work() == before
    assert committing.commit(busy, everything=True).commit is None


def test_a_run_that_is_gone_is_removed_by_its_name_and_no_other_is(busy: Store) -> None:
    going, other = write_run(busy, "aaaa", name="brave-otter"), write_run(busy, "bbbb")
    committing.commit(busy, everything=True)
    shutil.rmtree(going.folder)
    shutil.rmtree(other.folder)
    done = committing.commit(busy, ["brave-otter", "old0"])
    assert ([run.run_id for run in done.removed], done.gone) == (["aaaa"], 1)
    assert git("log", "-1", "--format=%s") == "Run name-old0"
    assert any("bbbb" in name for name in files_of())
    with pytest.raises(NotFoundError, match="brave-otter"):
        committing.commit(busy, ["brave-otter"])
    assert [run.run_id for run in committing.commit(busy, ["bbb"]).removed] == ["bbbb"]
    assert git("log", "-1", "--format=%s") == "Remove 1 run of wine"


def test_a_run_that_is_marked_as_deleted_is_still_found_by_its_name(busy: Store) -> None:
    run = write_run(busy, "aaaa", name="brave-otter")
    edits.write(run.folder, Edit(deleted=True))
    assert [run.run_id for run in committing.commit(busy, ["brave-otter"]).runs] == ["aaaa"]


@pytest.mark.parametrize("how", ["sparse", "skip-worktree", "assume-unchanged"])
def test_what_a_checkout_leaves_out_is_not_taken_for_removed(busy: Store, how: str) -> None:
    away = write_run(busy, "aaaa", experiment="other")
    committing.commit(busy, everything=True)
    git("reset", "-q", "--hard")
    if how == "sparse":
        git("sparse-checkout", "set", "mlruns/wine")
    else:
        git("update-index", f"--{how}", inside(away.folder / "run.json"))
        shutil.rmtree(away.folder)
    assert not away.folder.exists()
    assert committing.commit(busy, everything=True).commit is None
    with pytest.raises(NotFoundError):
        committing.commit(busy, ["aaaa"])
    write_run(busy, "bbbb")
    assert committing.commit(busy, everything=True).gone == 0
    assert inside(away.folder / "run.json") in files_of()


def test_a_run_that_is_going_on_is_not_removed_while_its_folder_is_away(busy: Store) -> None:
    run = write_run(busy, "aaaa")
    committing.commit(busy, everything=True)
    mark = live.take(busy.root, "aaaa")
    assert mark is not None
    shutil.rmtree(run.folder)
    assert [run.run_id for run in committing.commit(busy, everything=True).live] == ["aaaa"]
    assert inside(run.folder / "run.json") in files_of()
    with pytest.raises(RunStateError):
        committing.commit(busy, ["aaaa"])
    mark.release()
    assert [run.run_id for run in committing.commit(busy, ["aaaa"]).removed] == ["aaaa"]


def test_a_run_of_which_a_part_is_left_is_no_removal(busy: Store) -> None:
    run = write_run(busy, "aaaa", files={"artifacts/a": "x"})
    committing.commit(busy, everything=True)
    (run.folder / "run.json").unlink()
    with pytest.raises(BrokenRunError, match="artifacts/a is there") as raised:
        committing.commit(busy, everything=True)
    git("checkout", "--", *raised.value.hint.split()[3:4])
    assert committing.commit(busy, everything=True).commit is None


def test_while_another_git_is_at_work_nothing_is_taken_for_removed(
    busy: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = write_run(busy, "aaaa")
    committing.commit(busy, everything=True)
    shutil.rmtree(run.folder)
    lock = Path(".git/index.lock").absolute()
    lock.touch()
    threading.Timer(0.5, lock.unlink).start()
    assert [run.run_id for run in committing.commit(busy, everything=True).removed] == ["aaaa"]
    monkeypatch.setattr(plumbing, "PATIENCE_SECONDS", 0.2)
    shutil.rmtree(busy.find("old0").folder)
    lock.touch()
    head = git("rev-parse", "HEAD")
    with pytest.raises(ToolError, match="stays locked") as raised:
        committing.commit(busy, everything=True)
    assert git("rev-parse", "HEAD") == head
    subprocess.run(raised.value.hint.partition(": ")[2], shell=True, check=True)
    assert committing.commit(busy, everything=True).gone == 1


@pytest.mark.usefixtures("isolated")
def test_what_was_never_committed_needs_no_removal(store: Store) -> None:
    git("init", "-q")
    run = write_run(store, "aaaa")
    git("add", "-A")
    shutil.rmtree(run.folder)
    done = committing.commit(store, everything=True)
    assert (done.files, done.gone, done.removed) == (2, 0, ())


def test_a_run_of_another_store_is_refused_with_where_it_is(busy: Store, tmp_path: Path) -> None:
    other = write_run(Store(tmp_path / "else" / "mlruns"), "away")
    with pytest.raises(RunStateError, match="run away is in .*else/mlruns, not in") as caught:
        committing.commit(busy, [str(other.folder)])
    assert "commit it there" in caught.value.hint
