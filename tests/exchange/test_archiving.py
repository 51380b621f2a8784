"""Old runs in one file: out of the tree only when they are safe, and back byte for byte."""

from __future__ import annotations

import errno
import io
import json
import tarfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gittrack.cli.main import main
from gittrack.exchange import archiving
from gittrack.registry import Registry
from gittrack.runs import edits, live
from gittrack.runs.edits import Edit
from gittrack.runs.record import RUNNING
from gittrack.runs.store import Store
from tests.making import write_run

LINES = '{"step":0,"time":1,"metrics":{"loss":1.0}}\n'


def command(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["--store", "mlruns", "archive", *arguments])
    return int(str(ended.value.code))


def make(store: Store, run_id: str, **given: Any):
    store.prepare()
    put = {"metrics.jsonl": LINES, "artifacts/a/model.bin": b"\0\1", **given.pop("put", {})}
    return write_run(store, run_id, files=put, **given)


def tree(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file() and ".cache" not in path.parts)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("name", ["old.tar", "old.tar.gz", "old.tar.xz"])
def test_runs_go_into_one_file_and_come_back_as_they_were(
    store: Store, isolated: Path, name: str
) -> None:
    run = make(store, "aaa", experiment="Größe")
    edits.write(run.folder, Edit(note="fine"))
    edits.write(run.folder.parent, Edit(note="about sizes"))
    make(store, "bbb", start_time=1_795_900_000_000)
    before = tree(store.root)
    assert command(name, "--before", "2026-11-25") == 0
    assert [run.run_id for run in store.runs().runs] == ["bbb"]
    with tarfile.open(isolated / name) as tar:
        assert tar.getnames()[0] == "index.json"
    assert command(name, "--back") == 0
    assert tree(store.root) == before
    assert command(name, "--back") == 0
    assert tree(store.root) == before


def test_an_archive_comes_into_an_empty_tree_too(store: Store, isolated: Path, capsys) -> None:
    make(store, "aaa", experiment="Größe")
    make(store, "bbb")
    before = tree(store.root)
    assert command("old.tar", "aaa", "bbb", "--keep") == 0
    assert tree(store.root) == before
    with pytest.raises(SystemExit):
        main(["--store", "other", "import", "old.tar"])
    assert tree(isolated / "other") == before
    assert command("old.tar", "--list") == 0
    shown = capsys.readouterr().out
    assert "aaa" in shown
    assert "Größe" in shown
    assert command("old.tar", "--list", "--json") == 0
    assert [run["run_id"] for run in json.loads(capsys.readouterr().out)["data"]] == ["aaa", "bbb"]


def test_one_run_comes_back_alone(store: Store) -> None:
    make(store, "aaa")
    make(store, "bbb", name="good")
    command("old.tar", "aaa", "bbb")
    assert command("old.tar", "good", "--back") == 0
    assert [run.run_id for run in store.runs().runs] == ["bbb"]
    assert command("old.tar", "zzz", "--back") == 3


def test_runs_that_are_needed_stay(store: Store, isolated: Path, capsys) -> None:
    make(store, "aaa", status=RUNNING, end_time=None)
    make(store, "bbb", put={"artifacts/model/MLmodel": "flavors: {}\n"})
    Registry(store).register("wine", run_id="bbb", path="model", digest="sha256:0")
    before = tree(store.root)
    assert command("old.tar", "--before", "0d") == 0
    said = capsys.readouterr().err
    assert "has not ended" in said
    assert "models:/wine/1" in said
    assert "no run to pack" in said
    assert tree(store.root) == before
    assert not (isolated / "old.tar").exists()


def test_what_makes_no_sense_is_refused_and_nothing_goes(store: Store, isolated: Path) -> None:
    run = make(store, "aaa")
    before = tree(store.root)
    (isolated / "there.tar").write_text("x")
    assert command("there.tar", "aaa") == 2
    assert command("mlruns/in.tar", "aaa") == 2
    assert command("old.tar") == 2
    assert command("old.tar", "--before", "yesterday") == 2
    assert command("no/folder/old.tar", "aaa") == 5
    assert command("there.tar", "--list") == 5
    assert command("gone.tar", "--back") == 5
    assert tree(store.root) == before
    (run.artifacts / "link").symlink_to("a")
    (run.artifacts / "gone").symlink_to("nothing")
    assert command("old.tar", "aaa") == 5
    assert not (isolated / "old.tar").exists()


@pytest.mark.parametrize("name", ["old.tar", "old.tar.gz", "old.tar.xz"])
@pytest.mark.parametrize("part", [0.3, 0.7, 0.95])
def test_an_archive_that_is_cut_off_gives_whole_runs_or_none(
    store: Store, isolated: Path, name: str, part: float
) -> None:
    data = bytes(range(256)) * 400
    make(store, "aaa", put={"artifacts/big": data})
    make(store, "bbb", put={"artifacts/big": data})
    command(name, "aaa", "bbb")
    whole = (isolated / name).read_bytes()
    (isolated / name).write_bytes(whole[: int(len(whole) * part)])
    assert command(name, "--back") in (0, 5)
    for run in store.runs().runs:
        assert (run.artifacts / "big").read_bytes() == data


def hostile(path: Path, place: str, members: dict[str, bytes | None], digest: str = "0") -> None:
    """Write an archive whose index and members are somebody's own; None makes a link."""
    entry = {
        "run_id": "aaa",
        "name": "n",
        "experiment": "wine",
        "status": "FINISHED",
        "start_time": "2026-11-23T05:25:10.252Z",
        "place": place,
        "files": dict.fromkeys(members, digest),
    }
    with tarfile.open(path, "w") as tar:
        index = json.dumps({"format": 1, "runs": [entry]}).encode()
        for name, data in {"index.json": index, **members}.items():
            member = tarfile.TarInfo(name)
            member.size = len(data or b"")
            if data is None:
                member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(member, io.BytesIO(data or b""))


PLACE = "wine/20261123-052510-aaa"


@pytest.mark.parametrize(
    ("place", "members", "code"),
    [
        ("../20261123-052510-aaa", {"../20261123-052510-aaa/run.json": b"{}"}, 5),
        ("/20261123-052510-aaa", {"/20261123-052510-aaa/run.json": b"{}"}, 5),
        (PLACE, {f"{PLACE}/../../../../up": b"x"}, 5),
        (PLACE, {f"{PLACE}/run.json": None}, 0),
        (PLACE, {f"{PLACE}/run.json": b"changed"}, 0),
        ("wine/elsewhere", {"wine/elsewhere/run.json": b"{}"}, 5),
    ],
)
def test_an_archive_of_a_stranger_writes_nothing_elsewhere(
    store: Store, isolated: Path, place: str, members: dict[str, bytes | None], code: int
) -> None:
    hostile(isolated / "evil.tar", place, members)
    before = set(isolated.parent.rglob("*"))
    assert command("evil.tar", "--back") == code
    new = {path for path in set(isolated.parent.rglob("*")) - before if path.is_file()}
    assert {path.name for path in new} <= {".gitignore", ".gitattributes"}
    assert store.runs().runs == []


def test_a_run_that_changes_while_it_is_packed_is_not_taken_out(
    store: Store, isolated: Path, monkeypatch
) -> None:
    run = make(store, "aaa")
    real = archiving._new_tar

    def meddling(*given: Any) -> tarfile.TarFile:
        (run.folder / "metrics.jsonl").write_text(LINES * 2)
        return real(*given)

    monkeypatch.setattr(archiving, "_new_tar", meddling)
    assert command("old.tar", "aaa") == 5
    assert (run.folder / "metrics.jsonl").read_text() == LINES * 2
    assert not (isolated / "old.tar").exists()


def test_two_that_pack_into_one_file_lose_no_run(store: Store, isolated: Path, monkeypatch) -> None:
    make(store, "aaa")
    make(store, "bbb")
    real = archiving._new_tar

    def meanwhile(*given: Any) -> tarfile.TarFile:
        monkeypatch.setattr(archiving, "_new_tar", real)
        assert command("old.tar", "bbb") == 0
        return real(*given)

    monkeypatch.setattr(archiving, "_new_tar", meanwhile)
    assert command("old.tar", "aaa") == 2
    assert [run.run_id for run in store.runs().runs] == ["aaa"]
    assert [entry.run_id for entry in archiving.read_index(isolated / "old.tar")] == ["bbb"]


def test_a_run_that_a_model_is_registered_of_meanwhile_stays(
    store: Store, meanwhile, capsys
) -> None:
    make(store, "aaa")
    register = partial(
        Registry(store).register, "wine", run_id="aaa", path="model", digest="sha256:0"
    )
    meanwhile(archiving, "_new_tar", register)
    assert command("old.tar", "aaa") == 0
    assert "models:/wine/1 is its model" in capsys.readouterr().err
    assert [run.run_id for run in store.runs().runs] == ["aaa"]


@pytest.mark.parametrize("moment", ["while it is packed", "before it is renamed"])
def test_what_is_said_of_a_run_meanwhile_is_not_lost(
    store: Store, monkeypatch, capsys, moment: str
) -> None:
    run = make(store, "aaa")
    make(store, "bbb")
    place, name = (archiving, "_new_tar") if moment == "while it is packed" else (Path, "rename")
    real = getattr(place, name)

    def meanwhile(*given: Any) -> Any:
        if given[0] in (run.folder, Path("old.tar")):
            edits.write(run.folder, Edit(note="fine"))
        return real(*given)

    monkeypatch.setattr(place, name, meanwhile)
    assert command("old.tar", "aaa", "bbb") == 0
    assert "it changed while it was packed" in capsys.readouterr().err
    assert [(run.run_id, run.note) for run in store.runs().runs] == [("aaa", "fine")]
    before = tree(run.folder)
    assert command("old.tar", "--back") == 0
    assert tree(run.folder) == before
    assert [run.run_id for run in store.runs().runs] == ["aaa", "bbb"]


def test_a_run_that_a_process_has_opened_is_not_taken_out(store: Store) -> None:
    make(store, "aaa")
    mark = live.take(store.root, "aaa")
    assert mark is not None
    assert command("old.tar", "aaa") == 0
    mark.release()
    assert [run.run_id for run in store.runs().runs] == ["aaa"]


def test_a_run_that_cannot_be_taken_out_is_named(store: Store, monkeypatch, capsys) -> None:
    run = make(store, "aaa")

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "rename", refused)
    assert command("old.tar", "aaa") == 5
    said = capsys.readouterr().err
    assert f"is whole, but {run.folder} cannot be taken out: Permission denied" in said
    assert f"{run.folder}\n" in said.partition("hint: if it is not there: mv ")[2]
    assert [run.run_id for run in store.runs().runs] == ["aaa"]
