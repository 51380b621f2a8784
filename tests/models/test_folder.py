"""A model's folder appears whole or not at all, and nothing in it leads outside."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gittrack.errors import ModelError, StoreError
from gittrack.models import folder as folders
from gittrack.models.folder import filled, member


def put(target, text, *, replace=True):
    with filled(target, replace=replace) as folder:
        (folder / "MLmodel").write_text(text)
        (folder / "model.pkl").write_text(text)


def put_half(target):
    with filled(target, replace=True) as folder:
        (folder / "MLmodel").write_text("two")
        raise ValueError("no")


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_with_all_that_is_in_it(tmp_path):
    target = tmp_path / "deep" / "model"
    put(target, "one")
    assert sorted(path.name for path in target.iterdir()) == ["MLmodel", "model.pkl"]
    assert names_in(target.parent) == ["model"]


def test_an_error_leaves_what_was_there(tmp_path):
    target = tmp_path / "model"
    put(target, "one")
    with pytest.raises(ValueError, match="no"):
        put_half(target)
    assert (target / "MLmodel").read_text() == "one"
    assert [path.name for path in tmp_path.iterdir() if "tmp" in path.name] == []


def test_without_leave_nothing_is_replaced(tmp_path):
    put(tmp_path / "model", "one")
    with pytest.raises(ModelError, match="exists and is not empty"):
        put(tmp_path / "model", "two", replace=False)
    (tmp_path / "empty").mkdir()
    put(tmp_path / "empty", "one", replace=False)
    assert (tmp_path / "empty" / "MLmodel").read_text() == "one"


def test_a_file_or_a_link_gives_way_too(tmp_path):
    (tmp_path / "file").write_text("old")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("file", "link"):
        put(tmp_path / name, "new")
        assert (tmp_path / name / "MLmodel").read_text() == "new"
        assert not (tmp_path / name).is_symlink()
    assert names_in(tmp_path / "elsewhere") == ["kept"]
    assert [path.name for path in tmp_path.iterdir() if "tmp" in path.name] == []


def test_a_folder_that_cannot_be_written_is_a_store_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError):
        put(tmp_path / "file" / "model", "one")


@pytest.mark.parametrize("exchange", [True, False])
def test_of_two_that_put_a_model_at_once_the_later_stays(tmp_path, monkeypatch, exchange):
    target, real = tmp_path / "model", Path.replace

    def late(self, name):
        monkeypatch.setattr(Path, "replace", real)
        put(target, "other")
        return real(self, name)

    if not exchange:
        monkeypatch.setattr(folders, "_exchange", lambda *_: False)
    monkeypatch.setattr(Path, "replace", late)
    put(target, "later")
    assert (target / "MLmodel").read_text() == "later"
    assert names_in(tmp_path) == ["home", "model", "work"]


def test_of_three_without_an_exchange_none_fails(tmp_path, monkeypatch):
    target, rename = tmp_path / "model", Path.rename
    put(target, "first")

    def late(self, name):
        if self == target:
            monkeypatch.setattr(Path, "rename", rename)
            put(target, "other")
            rename(target, tmp_path / "aside")  # a third has set it aside at this moment
        return rename(self, name)

    monkeypatch.setattr(folders, "_exchange", lambda *_: False)
    monkeypatch.setattr(Path, "rename", late)
    put(target, "later")
    assert (target / "MLmodel").read_text() == "later"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere two renames stand for one exchange")
def test_a_reader_sees_the_old_model_or_the_new_at_every_moment(tmp_path):
    target = tmp_path / "model"
    put(target, "0")
    stop, missing = threading.Event(), []

    def watch():
        while not stop.is_set():
            try:
                (target / "MLmodel").stat()
            except FileNotFoundError as error:
                missing.append(error)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for number in range(50):
        put(target, str(number))
    stop.set()
    watcher.join()
    assert missing == []


def test_a_kill_leaves_no_half_model_under_the_name(tmp_path):
    script = (
        "import os, pathlib, signal, sys\n"
        "from gittrack.models.folder import filled\n"
        "with filled(pathlib.Path(sys.argv[1]), replace=True) as folder:\n"
        "    (folder / 'MLmodel').write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    target = tmp_path / "model"
    done = subprocess.run([sys.executable, "-c", script, str(target)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not target.exists()
    assert all(path.name.endswith(".gittrack-tmp") for path in tmp_path.glob("model*"))


# -- files that MLmodel names


def test_a_file_inside_is_found(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "model.pkl").write_text("")
    assert member(tmp_path, "data/model.pkl") == tmp_path / "data" / "model.pkl"


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../model.pkl",
        "data/../../model.pkl",
        "..\\model.pkl",
        "C:\\model.pkl",
        "C:model.pkl",
        "\\\\host\\share",
        "link/passwd",
        "passwd",
        "a\0b",
        "",
        None,
        7,
        ["model.pkl"],
    ],
)
def test_a_hostile_name_is_refused(tmp_path, name):
    model = tmp_path / "model"
    model.mkdir()
    (tmp_path / "model.pkl").write_text("")
    (model / "link").symlink_to("/etc")
    (model / "passwd").symlink_to("/etc/passwd")
    with pytest.raises(ModelError) as caught:
        member(model, name)
    assert "\n" not in caught.value.message


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"model\.pkl is missing"):
        member(tmp_path, "model.pkl")
