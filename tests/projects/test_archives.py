"""Projects in zip files: unpacked, from here and from the web, and nothing in them leads out."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest

from gittrack.errors import GittrackError, NotFoundError, ProjectError
from gittrack.projects import running, web
from gittrack.runs.store import Store
from tests.conftest import make_repository

PROJECT = {
    "MLproject": "entry_points: {main: {command: 'cat word'}}\n",
    "word": "top\n",
    "sub/MLproject": "entry_points: {main: {command: 'cat word'}}\n",
    "sub/word": "inner\n",
}


def pack(path: Path, files: dict[str, str], below: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(below + name, text)
    return path


def output(uri: str) -> str:
    return (running.run(uri).folder / "output.log").read_text()


@pytest.mark.parametrize("below", ["", "wine-1.0/"])
def test_a_zip_file_is_a_project(isolated: Path, tmp_path: Path, site: str, below: str) -> None:
    path = pack(tmp_path / "wine.zip", PROJECT, below)

    assert output(str(path)) == "top\n"
    assert output(f"{path}#sub") == "inner\n"
    assert output(path.as_uri()) == "top\n"
    assert output(f"{site}/wine.zip#sub") == "inner\n"
    assert [entry.name for entry in isolated.iterdir()] == ["mlruns"]


def test_its_place_is_recorded_relative_to_the_repository(isolated: Path) -> None:
    make_repository(isolated)
    pack(isolated / "wine.zip", PROJECT)

    running.run("wine.zip#sub")

    (run,) = Store.open().runs().runs
    assert run.record.source["project"]["uri"] == "wine.zip#sub"


def test_a_folder_whose_name_ends_so_is_a_folder(isolated: Path) -> None:
    folder = isolated / "wine.zip"
    folder.mkdir()
    (folder / "MLproject").write_text(PROJECT["MLproject"])
    (folder / "word").write_text("folder\n")

    assert output(str(folder)) == "folder\n"


def link(name: str, target: str) -> tuple[zipfile.ZipInfo, str]:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info, target


HOSTILE: dict[str, tuple[Any, str]] = {
    "above": (("../out", "x"), "leads out"),
    "far above": (("a/../../../out", "x"), "leads out"),
    "absolute": (("/tmp/gittrack-out", "x"), "leads out"),
    "for Windows": (("..\\out", "x"), "leads out"),
    "a link": (link("passwd", "/etc/passwd"), "is a link"),
    "a repository's settings": (
        (".git/config", "[core]\n\tfsmonitor = touch pwned\n"),
        "leads out",
    ),
    "the same in a folder": (("a/.GIT/hooks/post-checkout", "touch pwned"), "leads out"),
}


@pytest.mark.parametrize(("member", "words"), HOSTILE.values(), ids=HOSTILE)
def test_nothing_leads_out(isolated: Path, member: Any, words: str) -> None:
    path = isolated / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(*member)
        archive.writestr("MLproject", PROJECT["MLproject"])

    with pytest.raises(ProjectError, match=words):
        running.run("x.zip")

    assert [entry.name for entry in isolated.iterdir()] == ["x.zip"]
    assert not Path("/tmp/gittrack-out").exists()


def test_a_bomb_is_not_unpacked(isolated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "MAX_BYTES", 1000)
    with zipfile.ZipFile(isolated / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", "0" * 100_000)

    with pytest.raises(ProjectError, match="too large"):
        running.run("x.zip")


@pytest.mark.parametrize(
    ("uri", "kind"),
    [
        ("broken.zip", ProjectError),
        ("good.zip#../x", ProjectError),
        ("good.zip#gone", NotFoundError),
        ("gone.zip", NotFoundError),
        ("{site}/gone.zip", NotFoundError),
        ("http://127.0.0.1:9/x.zip", GittrackError),
    ],
)
def test_what_is_wrong_is_said_and_makes_no_run(
    isolated: Path, site: str, uri: str, kind: type[GittrackError]
) -> None:
    (isolated / "broken.zip").write_bytes(b"PK\3\4 nonsense")
    pack(isolated / "good.zip", PROJECT)

    with pytest.raises(kind) as error:
        running.run(uri.format(site=site))

    assert error.value.hint
    assert not (isolated / "mlruns").exists()


def test_a_zip_file_has_no_version(isolated: Path) -> None:
    pack(isolated / "x.zip", PROJECT)

    with pytest.raises(ProjectError, match="no versions"):
        running.run("x.zip", version="main")
