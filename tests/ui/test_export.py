"""The pages as files: what is written, what is refused, and what is never lost."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gittrack.cli.main import main
from gittrack.errors import UsageError
from gittrack.runs.store import Store
from gittrack.ui import export as exporting
from gittrack.ui.export import export
from tests.making import put, write_run
from tests.ui import gallery


@pytest.fixture
def full(store: Store) -> Store:
    gallery.fill(store)
    return store


def command(*arguments: str) -> int:
    """Run the command line and return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


def exported(store: Store, folder: Path) -> exporting.Exported:
    return export(store, store.runs().runs, folder)


def links(folder: Path) -> set[Path]:
    """Return every file that the pages below a folder lead to."""
    found = set()
    for page in filter(Path.is_file, folder.rglob("*.html")):
        if "artifact" in page.relative_to(folder).parts:
            continue
        for link in re.findall(r'(?:href|src|data-file)="([^"#]+)', page.read_text()):
            if not re.match(r"[a-z]+:", link):
                from html import unescape
                from urllib.parse import unquote

                found.add(page.parent / unquote(unescape(link)))
    return found


def test_every_link_leads_to_a_file(full: Store, tmp_path: Path):
    exported(full, tmp_path / "site")
    missing = [path for path in links(tmp_path / "site") if not path.is_file()]
    assert missing == []


def test_data_lies_beside_the_pages_as_scripts(full: Store, tmp_path: Path):
    exported(full, tmp_path / "site")
    text = (tmp_path / "site/data/runs.js").read_text()
    assert text.startswith('gittrack.arrive("runs",{')
    value = json.loads(text.removeprefix('gittrack.arrive("runs",').removesuffix(");\n"))
    assert "best000000" in value["runs"]["id"]
    assert "gone000000" not in value["runs"]["id"]


def test_neither_a_token_nor_a_path_of_this_machine_gets_out(full: Store, tmp_path: Path):
    exported(full, tmp_path / "site")
    for page in filter(Path.is_file, (tmp_path / "site").rglob("*.html")):
        text = page.read_text()
        assert str(full.root) not in text
        assert "data-token" not in text
        assert "data-edit" not in text


def test_an_earlier_export_is_replaced_whole(full: Store, tmp_path: Path):
    exported(full, tmp_path / "site")
    (tmp_path / "site/run/old.html").write_text("")
    made = export(full, [full.find("wine000001")], tmp_path / "site")
    assert made.runs == 1
    assert [path.name for path in (tmp_path / "site/run").iterdir()] == ["wine000001.html"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("site")] == ["site"]


def test_two_exports_into_one_folder_leave_a_whole_one(
    full: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    real = exporting._Writing._models

    def meanwhile(self: exporting._Writing) -> None:
        monkeypatch.setattr(exporting._Writing, "_models", real)
        exported(full, tmp_path / "site")
        real(self)

    exported(full, tmp_path / "whole")
    monkeypatch.setattr(exporting._Writing, "_models", meanwhile)
    exported(full, tmp_path / "site")
    site, whole = (
        {path.relative_to(tmp_path / name) for path in (tmp_path / name).rglob("*")}
        for name in ("site", "whole")
    )
    assert site == whole
    assert not list(tmp_path.glob("*.gittrack-tmp"))


def test_a_folder_that_holds_something_else_is_left_alone(full: Store, tmp_path: Path):
    put(tmp_path / "site/thesis.tex", "words")
    with pytest.raises(UsageError, match="no export"):
        exported(full, tmp_path / "site")
    assert (tmp_path / "site/thesis.tex").read_text() == "words"


@pytest.mark.parametrize("kind", ["file", "link"])
def test_only_a_folder_is_written_to(full: Store, tmp_path: Path, kind: str):
    if kind == "file":
        put(tmp_path / "site", "words")
    else:
        (tmp_path / "site").symlink_to(tmp_path)
    with pytest.raises(UsageError, match="no folder"):
        exported(full, tmp_path / "site")


def test_what_is_too_large_is_named(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(exporting, "MOST_ARTIFACT", 10)
    write_run(store, "a123456789", files={"artifacts/big.txt": "x" * 11, "artifacts/s.txt": "x"})
    made = exported(store, tmp_path / "site")
    assert made.left_out == ("a123456789/big.txt",)
    assert "not exported" in (tmp_path / "site/run/a123456789.html").read_text()
    assert not (tmp_path / "site/artifact/a123456789/big.txt").exists()


def test_a_file_and_a_folder_that_want_one_place_are_both_there(store: Store, tmp_path: Path):
    files = {"artifacts/a": "text", "artifacts/a.html/b": "text"}
    write_run(store, "a123456789", files=files)
    exported(store, tmp_path / "site")
    assert [path for path in links(tmp_path / "site") if not path.is_file()] == []


def test_long_output_is_there_in_full(store: Store, tmp_path: Path):
    write_run(store, "a123456789", files={"output.log": "x\n" * 200_000})
    exported(store, tmp_path / "site")
    assert (tmp_path / "site/file/a123456789/output.log.txt").stat().st_size == 400_000


@pytest.mark.usefixtures("full")
def test_the_command_writes_what_a_filter_fits(capsys: pytest.CaptureFixture[str]):
    assert command("ui", "--export", "out", "-f", "params.alpha < 0.5") == 0
    assert "2 runs written to out" in capsys.readouterr().err
    assert len([*Path("out/run").iterdir()]) == 2


def test_a_run_that_cannot_be_read_is_said(full: Store, capsys: pytest.CaptureFixture[str]):
    (broken, *rest) = full.runs().runs
    (broken.folder / "run.json").write_text("{")
    assert command("ui", "--export", "out") == 0
    said = capsys.readouterr().err
    assert f"{len(rest)} runs written to out" in said
    assert broken.folder.name in said


@pytest.mark.usefixtures("full")
def test_the_command_writes_runs_by_name(capsys: pytest.CaptureFixture[str]):
    assert command("ui", "--export", "out", "best000", "brave-otter") == 0
    assert "1 run written to out" in capsys.readouterr().err


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ui", "best000"], "--export DIR"),
        (["ui", "--export", "out", "best000", "-f", "run_id = 'a'"], "exclude each other"),
        (["ui", "--port", "99999"], "port 99999"),
    ],
)
def test_what_makes_no_sense_is_said(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
):
    assert command(*arguments) == 2
    assert said in capsys.readouterr().err
