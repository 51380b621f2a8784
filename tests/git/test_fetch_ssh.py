"""Projects over SSH, from a real server on loopback, and with large files where Git LFS is."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gittrack.errors import ToolError
from gittrack.git import fetch
from tests.conftest import git, make_repository

if TYPE_CHECKING:
    from collections.abc import Iterator

SSHD = "/usr/sbin/sshd"


@pytest.fixture
def into(tmp_path: Path) -> Path:
    """An empty folder to clone into."""
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """An SSH server that lets a new key in; Git is told the way to it. Gives its port."""
    for name in ("host", "mine"):
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)]
        subprocess.run(make, check=True)
    for _ in range(5):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        config = tmp_path / "sshd_config"
        config.write_text(
            f"Port {port}\nListenAddress 127.0.0.1\nHostKey {tmp_path}/host\nUsePAM no\n"
            f"AuthorizedKeysFile {tmp_path}/mine.pub\nStrictModes no\nPidFile none\n"
        )
        process = subprocess.Popen([SSHD, "-D", "-e", "-f", config], stderr=subprocess.PIPE)
        if _answers(process, port):
            break
    options = {
        "User": _login(),
        "HostName": "127.0.0.1",
        "StrictHostKeyChecking": "no",
        "UserKnownHostsFile": os.devnull,
        "IdentitiesOnly": "yes",
        "LogLevel": "ERROR",
    }
    words = [f"-o {name}={value}" for name, value in options.items()]
    command = ["ssh", "-F", os.devnull, "-p", str(port), "-i", str(tmp_path / "mine"), *words]
    monkeypatch.setenv("GIT_SSH_COMMAND", " ".join(command))
    yield port
    process.terminate()
    process.communicate()


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        # Another process may have taken the port meanwhile: what it says is no SSH.
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=10) as asked:
            if asked.recv(4) == b"SSH-":
                return True
        time.sleep(0.02)
    process.communicate()
    return False


def _login() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A bare repository with two commits and a folder."""
    work = make_repository(tmp_path / "origin", {"file": "first", "sub/file": "deep"})
    (work / "file").write_text("second")
    git("commit", "-q", "-am", "second", cwd=work)
    path = tmp_path / "bare.git"
    git("clone", "-q", "--bare", str(work), str(path))
    return path


@pytest.mark.needs(f"program:{SSHD}", "program:ssh-keygen")
@pytest.mark.parametrize("form", ["git@example.org:{path}#sub", "ssh://git@example.org{path}#sub"])
def test_a_project_is_cloned_over_ssh_at_any_version(
    bare: Path, into: Path, server: int, form: str
) -> None:
    assert server
    uri = fetch.parse(form.format(path=bare))
    assert uri is not None
    first = git("rev-parse", "main~1", cwd=bare)

    folder = fetch.clone(uri, into, version=first[:8])

    assert (folder / "file").read_text() == "deep"
    assert (into / "file").read_text() == "first"
    assert git("rev-parse", "HEAD", cwd=into) == first


@pytest.mark.needs(f"program:{SSHD}", "program:ssh-keygen")
def test_a_repository_that_the_server_has_not_is_told(into: Path, server: int) -> None:
    assert server
    with pytest.raises(ToolError, match="cannot fetch"):
        fetch.clone(fetch.GitUri("git@example.org:/gone.git"), into)


@pytest.mark.needs("program:git-lfs")
@pytest.mark.parametrize("version", [None, "main"])
def test_large_files_come_along(tmp_path: Path, into: Path, version: str | None) -> None:
    work = make_repository(tmp_path / "work")
    git("lfs", "install", "--local", cwd=work)
    (work / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    (work / "large.bin").write_bytes(b"x" * 100_000)
    git("add", "-A", cwd=work)
    git("commit", "-q", "-m", "large", cwd=work)
    bare = tmp_path / "bare.git"
    git("clone", "-q", "--bare", str(work), str(bare))
    git("remote", "add", "origin", bare.as_uri(), cwd=work)
    git("lfs", "push", "--all", "origin", cwd=work)

    folder = fetch.clone(fetch.GitUri(bare.as_uri()), into, version=version)

    assert (folder / "large.bin").read_bytes() == b"x" * 100_000
    assert git("status", "--porcelain", cwd=folder) == ""


def test_where_git_lfs_is_not_installed_its_pointers_are_named(
    tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 9\n"
    files = {".gitattributes": "*.bin filter=lfs -text\n", "a b.bin": pointer, "c.txt": pointer}
    work = make_repository(tmp_path / "work", files)
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "git").symlink_to(str(shutil.which("git")))
    monkeypatch.setenv("PATH", str(programs))

    folder = fetch.clone(fetch.GitUri(work.as_uri()), into)

    assert fetch.pointers(folder) == ["a b.bin"]
