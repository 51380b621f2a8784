"""Where a run came from: its command, code, environment, and who ran it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from gittrack.runs import provenance
from gittrack.runs.provenance import Capture
from gittrack.runs.store import Store
from gittrack.runs.writer import RunWriter
from tests.conftest import git, make_repository, python
from tests.making import put

SCRIPT = """
import gittrack as mlflow
mlflow.log_metric("acc", 0.5)
"""


@pytest.fixture
def project(isolated):
    """A repository with a script, which the test runs in."""
    make_repository(isolated, {"train.py": SCRIPT, "lib.py": "x = 1\n"})
    git("remote", "add", "origin", "https://ann:" + "secret@example.org/wine.git")
    return isolated


def record_of(store):
    return store.find("@").record


def test_commit_branch_remote_and_user_are_recorded(project, store):
    python(project / "train.py")
    record = record_of(store)
    assert record.source["git"] == {
        "commit": git("rev-parse", "HEAD"),
        "branch": "main",
        "remote": "https://example.org/wine.git",
        "dirty": False,
    }
    assert record.user == "Ana"
    assert record.python == ".".join(map(str, sys.version_info[:3]))
    assert not (store.find("@").folder / "source.patch").exists()


def test_the_command_has_paths_below_the_root_and_no_other_interpreter_path(project, store):
    python(project / "train.py", "--alpha", "0.5", "with space")
    source = record_of(store).source
    assert source["type"] == "LOCAL"
    assert source["command"].split("/")[-1].endswith("train.py --alpha 0.5 'with space'")
    assert str(project) not in source["command"]


def test_secrets_in_the_command_are_left_out(project, store):
    token = "gh" + "p_" + "a1" * 18
    python(project / "train.py", f"--token={token}")
    assert token not in (store.find("@").folder / "run.json").read_text()
    assert "github token left out" in record_of(store).source["command"]


def test_uncommitted_changes_are_a_patch_that_brings_them_back(project, store, tmp_path):
    put(project / "lib.py", "x = 2\n")
    put(project / "new.py", "y = 1\n")
    put(project / ".env", "z = 1\n")
    python(project / "train.py")
    record = record_of(store)
    assert record.source["git"]["dirty"]
    assert record.source["git"]["patch_truncated"]
    assert record.left_out == ("source.patch: .env",)
    git("clone", "-q", str(project), str(tmp_path / "clone"))
    git("apply", str(store.find("@").folder / "source.patch"), cwd=tmp_path / "clone")
    assert (tmp_path / "clone" / "lib.py").read_text() == "x = 2\n"
    assert (tmp_path / "clone" / "new.py").read_text() == "y = 1\n"


def test_no_absolute_path_host_or_process_gets_into_what_is_committed(project, store):
    put(project / "lib.py", "x = 2\n")
    python(project / "train.py")
    import os
    import socket

    for path in store.find("@").folder.iterdir():
        text = path.read_text()
        assert str(project) not in text
        assert socket.gethostname() not in text or len(socket.gethostname()) < 5
    assert str(os.getpid()) not in json.dumps(record_of(store).source.get("type"))


def test_outside_of_a_repository_there_is_no_code_state(isolated, store):
    put(isolated / "train.py", SCRIPT)
    python(isolated / "train.py")
    record = record_of(store)
    assert "git" not in record.source
    assert record.user
    assert not (store.find("@").folder / "source.patch").exists()


@pytest.mark.usefixtures("project")
def test_the_code_is_that_of_the_script_and_not_of_the_working_folder(store, tmp_path):
    elsewhere = make_repository(tmp_path / "elsewhere", {"train.py": SCRIPT, "other.txt": ""})
    python(elsewhere / "train.py")
    assert record_of(store).source["git"]["commit"] == git("rev-parse", "HEAD", cwd=elsewhere)


def test_the_environment_is_listed(project, store):
    python(project / "train.py")
    listed = (store.find("@").folder / "requirements.txt").read_text().splitlines()
    assert any(line.startswith("pytest==") for line in listed)
    assert listed == sorted(listed, key=lambda line: line.split("==")[0])


def test_packages_are_read_off_the_search_path_the_first_one_wins(tmp_path):
    for folder, name in [
        ("a", "My_Package-1.0.dist-info"),
        ("b", "my_package-2.0.dist-info"),
        ("b", "other-3.0+local.dist-info"),
        ("b", "~broken.dist-info"),
    ]:
        (tmp_path / folder / name).mkdir(parents=True)
    found = provenance.requirements([str(tmp_path / name) for name in ("a", "nowhere", "b")])
    assert found == b"my-package==1.0\nother==3.0+local\n"


@pytest.mark.parametrize(("user", "recorded"), [("Ben", "Ben"), ("", None), (None, "Ana")])
def test_the_users_name_can_be_given_or_switched_off(project, store, monkeypatch, user, recorded):
    if user is not None:
        monkeypatch.setenv("GITTRACK_USER", user)
    capture = Capture(project, store.root)
    assert capture.result(120).user == recorded


def test_without_a_git_name_the_login_counts(isolated, store, monkeypatch):
    monkeypatch.setenv("LOGNAME", "ben")
    assert Capture(isolated, store.root).result(120).user == "ben"


def test_a_long_command_is_cut(monkeypatch):
    monkeypatch.setattr(sys, "orig_argv", ["python", "x" * 10_000])
    assert len(provenance.command_line(None)) == provenance.MAX_COMMAND


def test_a_source_that_is_given_is_kept_and_the_code_added(project, store):
    given = {"type": "PROJECT", "project": {"uri": ".", "entry_point": "main"}}
    run = RunWriter.create(store, store.experiment("0"), source=given, code=project)
    run.end()
    source = record_of(store).source
    assert source["project"] == given["project"]
    assert source["git"]["commit"] == git("rev-parse", "HEAD")


TWO_RUNS = """
import pathlib
import gittrack
from gittrack.runs import provenance
provenance.FRESH_SECONDS = {fresh}
with gittrack.start_run(run_name="first"): pass
pathlib.Path("lib.py").write_text("x = 2\\n")
with gittrack.start_run(run_name="second"): pass
"""


@pytest.mark.parametrize(("fresh", "dirty"), [(0, True), (10_000, False)])
def test_a_later_run_of_a_process_captures_the_code_again(project, store, fresh, dirty):
    put(project / "lib.py", "x = 1\n")
    python(TWO_RUNS.format(fresh=fresh))
    captured = [store.find(name).record.source["git"]["dirty"] for name in ("first", "second")]
    assert captured == [False, dirty]
    assert (store.find("second").folder / "source.patch").exists() is dirty


@pytest.mark.slow
def test_a_work_tree_that_git_never_gets_through_holds_up_nothing_for_long(
    project, store, monkeypatch
):
    real = shutil.which("git")
    wrapper = project.parent / "bin" / "git"
    put(wrapper, f'#!/bin/sh\ncase "$*" in *status*) exec sleep 3600;; esac\nexec {real} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")
    logged = "import gittrack\nwith gittrack.start_run(): gittrack.log_metric('a', 1)"
    python(logged, timeout=300)
    record = record_of(store)
    assert record.status == "FINISHED"
    assert (
        record.source["git"]["commit"]
        == subprocess.check_output([real, "rev-parse", "HEAD"], text=True).strip()
    )
    assert record.source["git"]["patch_truncated"] is True


def test_where_clean_code_is_required_uncommitted_changes_refuse_the_run(isolated, monkeypatch):
    monkeypatch.setenv("GITTRACK_REQUIRE_CLEAN", "1")
    repository = make_repository(isolated / "repository", {"train.py": "import gittrack\n"})
    log = "import gittrack; gittrack.log_metric('a', 1)"
    assert python(log, cwd=repository).returncode == 0
    (repository / "train.py").write_text("import gittrack as other\n")
    refused = python(log, cwd=repository, check=False)
    assert refused.returncode == 1
    assert (
        "has uncommitted changes, and GITTRACK_REQUIRE_CLEAN allows no run then" in refused.stderr
    )
    assert len(Store.open(repository / "mlruns").runs().runs) == 1


def test_where_clean_code_is_required_code_without_git_is_refused(isolated, monkeypatch):
    monkeypatch.setenv("GITTRACK_REQUIRE_CLEAN", "1")
    refused = python("import gittrack; gittrack.log_metric('a', 1)", cwd=isolated, check=False)
    assert "is not in a Git work tree" in refused.stderr
