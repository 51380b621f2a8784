"""Bytes on disk: whole or not at all, and readable whatever happened to them."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gittrack import files, paths
from gittrack.errors import AlreadyExistsError, StoreError


def leftovers(folder):
    return [path for path in folder.iterdir() if path.name.endswith(paths.TEMPORARY)]


def test_an_atomic_write_replaces_what_was_there(tmp_path):
    path = tmp_path / "run.json"
    path.write_bytes(b"old")
    files.write_atomic(path, b"new")
    assert path.read_bytes() == b"new"
    assert not leftovers(tmp_path)


def test_a_write_that_fails_leaves_nothing_and_names_the_file(tmp_path):
    (tmp_path / "run.json" / "in the way").mkdir(parents=True)
    with pytest.raises(StoreError, match=r"run\.json"):
        files.write_atomic(tmp_path / "run.json", b"new")
    assert not leftovers(tmp_path)


def test_where_there_is_no_folder_the_command_that_makes_it_is_said(tmp_path):
    with pytest.raises(StoreError, match="No such file") as raised:
        files.write_atomic(tmp_path / "reports" / "junit.xml", b"new")
    assert raised.value.hint == f"there is no folder {tmp_path / 'reports'}: mkdir -p makes it"


def strace_works() -> bool:
    if shutil.which("strace") is None:
        return False
    return (
        subprocess.run(["strace", "-f", "true"], capture_output=True, check=False).returncode == 0
    )


@pytest.mark.skipif(not strace_works(), reason="strace is not installed or may not trace")
@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
def test_a_process_killed_in_the_middle_leaves_the_old_bytes(tmp_path, call):
    path = tmp_path / "run.json"
    path.write_bytes(b"old")
    script = (
        "import sys; from pathlib import Path; from gittrack import files;"
        "files.write_atomic(Path(sys.argv[1]), b'new')"
    )
    traced = f"--inject={call}:signal=SIGKILL:error=EIO:when=1"
    killed = subprocess.run(
        [
            "strace",
            "-f",
            "-o",
            os.devnull,
            f"--trace={call}",
            traced,
            sys.executable,
            "-c",
            script,
            str(path),
        ],
        check=False,
    )
    assert killed.returncode != 0
    assert path.read_bytes() == b"old"


@pytest.mark.skipif(not strace_works(), reason="strace is not installed or may not trace")
def test_a_process_killed_between_the_two_flushes_leaves_the_new_bytes_whole(tmp_path):
    path = tmp_path / "run.json"
    path.write_bytes(b"old")
    script = (
        "import sys; from pathlib import Path; from gittrack import files;"
        "files.write_atomic(Path(sys.argv[1]), b'new')"
    )
    subprocess.run(
        [
            "strace",
            "-f",
            "-o",
            os.devnull,
            "--trace=fsync",
            "--inject=fsync:signal=SIGKILL:when=2",
            sys.executable,
            "-c",
            script,
            str(path),
        ],
        check=False,
    )
    assert path.read_bytes() == b"new"


def test_a_new_file_is_never_written_over(tmp_path):
    path = tmp_path / "edit.json"
    assert files.write_new(path, b"first")
    assert not files.write_new(path, b"second")
    assert path.read_bytes() == b"first"
    assert not leftovers(tmp_path)


def without_hard_links(code):
    def link(*_):
        raise OSError(code, os.strerror(code))

    return link


def test_without_hard_links_too_a_new_file_is_never_written_over(tmp_path, monkeypatch):
    path, real, other = tmp_path / "edit.json", os.replace, []

    def late(source, target):
        monkeypatch.setattr(os, "replace", real)
        other.append(files.write_new(path, b"other"))
        real(source, target)

    monkeypatch.setattr(os, "link", without_hard_links(errno.EPERM))
    monkeypatch.setattr(os, "replace", late)
    assert files.write_new(path, b"first")
    assert other == [False]
    assert path.read_bytes() == b"first"
    assert not leftovers(tmp_path)


def test_a_name_that_cannot_be_given_is_not_claimed(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "link", without_hard_links(errno.ENOENT))
    with pytest.raises(StoreError, match="No such file"):
        files.write_new(tmp_path / "edit.json", b"first")
    assert not list(tmp_path.glob("*.json"))


def test_a_file_in_the_way_of_a_folder_is_named(tmp_path):
    (tmp_path / "mlruns").write_text("")
    with pytest.raises(StoreError, match="in the way"):
        files.make_folder(tmp_path / "mlruns")


def test_an_open_file_is_read_back_after_its_name_is_gone(tmp_path):
    descriptor = files.open_append(tmp_path / "metrics.jsonl")
    files.write_all(descriptor, b"1234567890\n" * 1000)
    (tmp_path / "metrics.jsonl").unlink()
    assert files.read_descriptor(descriptor) == b"1234567890\n" * 1000
    os.close(descriptor)


def test_two_processes_never_append_to_one_file(tmp_path):
    os.close(files.open_append(tmp_path / "metrics.jsonl"))
    with pytest.raises(FileExistsError):
        files.open_append(tmp_path / "metrics.jsonl")


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"null", b"{", b"\xff", b"[" * 100_000, b'{\n<<<<<<< HEAD\n"a": 1}', b"9" * 9999],
)
def test_what_is_no_json_object_is_a_value_error(tmp_path, content):
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"."):
        files.read_json(tmp_path / "run.json")


def test_a_file_with_conflict_markers_says_so(tmp_path):
    (tmp_path / "run.json").write_text('{\n<<<<<<< HEAD\n"a": 1\n=======\n"a": 2\n>>>>>>> b\n}\n')
    with pytest.raises(ValueError, match="conflict markers"):
        files.read_json(tmp_path / "run.json")


def test_links_pipes_and_folders_are_not_read(tmp_path):
    (tmp_path / "outside").write_text('{"secret": 1}')
    (tmp_path / "link").symlink_to("outside")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "dangling", "folder", "pipe"):
        with pytest.raises(OSError, match=r"."):
            files.read_json(tmp_path / name)


def test_walking_does_not_leave_the_folder(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "other").write_text("")
    (tmp_path / "in" / "own").write_text("")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out")
    assert [path.name for path in files.walk(tmp_path / "in")] == ["own"]


def test_walking_does_not_begin_at_a_link_a_pipe_or_nothing(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "other").write_text("")
    (tmp_path / "link").symlink_to("out")
    os.mkfifo(tmp_path / "pipe")
    for name, count in (("link", 1), ("pipe", 1), ("nowhere", 0)):
        problems = []
        assert list(files.walk(tmp_path / name, problems)) == []
        assert len(problems) == count


def test_walking_leaves_out_what_is_half_written(tmp_path):
    left = tmp_path / "a" / paths.temporary_name()
    left.mkdir(parents=True)
    (left / "MLmodel").write_text("")
    (tmp_path / "a" / "own").write_text("abc")
    (tmp_path / "a" / paths.temporary_name()).write_text("")
    assert files.sizes(tmp_path / "a", []) == {"own": 3}


def test_walking_goes_as_deep_as_folders_do(tmp_path):
    deep = tmp_path / "a"
    for _ in range(1200):
        deep.mkdir()
        deep /= "a"
    deep.write_text("")
    assert len(list(files.walk(tmp_path / "a"))) == 1
    subprocess.run(["rm", "-r", str(tmp_path / "a")], check=True)


def test_a_file_larger_than_asked_for_is_not_read_whole(tmp_path):
    (tmp_path / "x").write_bytes(b"123")
    assert files.read_bytes(tmp_path / "x", most=3) == b"123"
    with pytest.raises(OSError, match="larger than 2 bytes"):
        files.read_bytes(tmp_path / "x", most=2)


def test_a_name_as_long_as_names_get_can_be_written(tmp_path):
    files.write_atomic(tmp_path / ("n" * 255), b"x")
    assert files.write_new(tmp_path / ("m" * 255), b"x")


def test_a_file_system_without_locks_does_not_stop_the_work(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with files.locked(tmp_path / "environment.lock") as descriptor:
        assert os.fstat(descriptor)


def test_a_file_that_another_process_makes_meanwhile_is_told_from_one_of_the_body(tmp_path):
    with pytest.raises(AlreadyExistsError), files.replacing(tmp_path / "new", new=True):
        (tmp_path / "new").touch()
    with pytest.raises(StoreError) as raised, files.replacing(tmp_path / "other", new=True):
        (tmp_path / "new").touch(exist_ok=False)
    assert not isinstance(raised.value, AlreadyExistsError)


def test_a_name_is_given_free_again_where_its_file_cannot_be_put_there(tmp_path, monkeypatch):
    def refuse(code):
        def refused(*_):
            raise OSError(code, os.strerror(code))

        return refused

    monkeypatch.setattr(os, "link", refuse(errno.EPERM))
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse(errno.EIO))
        with pytest.raises(StoreError):
            files.write_new(tmp_path / "3.json", b"{}")
    assert files.write_new(tmp_path / "3.json", b"{}")


def test_a_lock_that_fails_while_it_is_waited_for_does_not_stop_the_work(tmp_path, monkeypatch):
    answers = iter([BlockingIOError(), OSError(errno.ENOLCK, "No locks available")])

    def flock(*_):
        raise next(answers)

    monkeypatch.setattr(fcntl, "flock", flock)
    with files.locked(tmp_path / "environment.lock"):
        assert next(answers, None) is None


def test_a_problem_says_where():
    assert str(files.Problem(Path("a/run.json"), "is broken", 3)) == "a/run.json:3: is broken"
    assert str(files.Problem(Path("a/run.json"), "is broken")) == "a/run.json: is broken"
