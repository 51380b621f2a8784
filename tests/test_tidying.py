from __future__ import annotations

import json
import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gittrack import tidying
from gittrack.errors import RunStateError
from gittrack.registry import Registry
from gittrack.runs import edits, live
from gittrack.runs.edits import Edit
from gittrack.runs.record import RUNNING
from tests.cli.test_looking import call, data_of
from tests.making import START, put, write_run

if TYPE_CHECKING:
    from gittrack.runs.store import Store
    from tests.conftest import Meanwhile

MLMODEL = "flavors:\n  python_function: {loader_module: m}\n"


def delete(store: Store, *names: str) -> None:
    for name in names:
        edits.write(store.folder_of(name), Edit(deleted=True))


@pytest.fixture
def three(store: Store) -> Store:
    """Three runs, the last of which is not deleted."""
    for run_id in ("a", "b", "c"):
        write_run(store, run_id, files={"artifacts/big": b"x" * 1000})
    delete(store, "a", "b")
    return store


def there(store: Store) -> str:
    return "".join(path.name[16:] for path in store.run_folders())


def test_nothing_is_removed_before_it_is_asked_for(
    three: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    out, err = call(capsys, "gc")
    assert [line.split()[0] for line in out.splitlines()] == ["run", "a", "b"]
    assert "would remove 2 runs" in err
    assert there(three) == "abc"


def test_what_is_deleted_is_removed_for_good(
    three: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    data = data_of(capsys, "gc", "--yes")
    assert data["removed"] is True
    assert all(run["size"] > 1000 for run in data["runs"])
    assert there(three) == "c"
    assert sorted(path.name for path in (three.root / "wine").iterdir()) == ["20261123-052510-c"]
    assert call(capsys, "gc", "-y")[1] == "there is nothing to remove\n"


def test_one_run_can_be_named(three: Store, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "gc", "-y", "a")
    assert there(three) == "bc"
    _, err = call(capsys, "gc", "-y", "c", code=2)
    assert "run c is not deleted" in err
    assert "hint: gittrack rm c" in err
    assert there(three) == "bc"


def test_a_run_that_a_model_version_points_to_stays(
    three: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = three.folder_of("a") / "artifacts" / "model"
    folder.mkdir()
    (folder / "MLmodel").write_text(MLMODEL)
    edits.write(three.folder_of("a"), Edit(deleted=False))
    call(capsys, "models", "register", "runs:/a/model", "wine")
    edits.write(three.folder_of("a"), Edit(deleted=True))
    first, second = data_of(capsys, "gc", "-y")["runs"]
    assert first["kept"] == "it is version 1 of the registered model wine"
    assert second["kept"] is None
    assert there(three) == "ac"
    assert "run a stays: it is version 1" in call(capsys, "gc", "a", code=2)[1]
    Registry(three).remove("wine", 1)
    call(capsys, "gc", "-y")
    assert there(three) == "c"


def test_a_run_that_is_running_stays(store: Store) -> None:
    write_run(store, "a", status=RUNNING)
    delete(store, "a")
    mark = live.take(store.root, "a")
    assert mark is not None
    assert tidying.plan(store).runs[0].kept == "it is running"
    with pytest.raises(RunStateError, match="it is running"):
        tidying.plan(store, chosen=[store.find("a")])
    mark.release()
    assert tidying.plan(store).runs[0].kept == ""


def test_a_run_that_is_restored_meanwhile_stays(
    three: Store, capsys: pytest.CaptureFixture[str], meanwhile: Meanwhile
) -> None:
    restored = three.folder_of("a")
    meanwhile(tidying, "carry_out", lambda: edits.write(restored, Edit(deleted=False)))
    first, second = data_of(capsys, "gc", "-y")["runs"]
    assert (first["kept"], second["kept"]) == ("it was restored", None)
    assert (restored / "artifacts" / "big").stat().st_size == 1000
    assert sorted(path.name[16:] for path in restored.parent.iterdir()) == ["a", "c"]


def test_a_run_that_was_made_again_when_it_is_put_back_loses_nothing(
    three: Store, capsys: pytest.CaptureFixture[str], meanwhile: Meanwhile
) -> None:
    folder = three.folder_of("a")

    def restore() -> None:
        (aside,) = folder.parent.glob(".*.gittrack-tmp")
        edits.write(aside, Edit(deleted=False))
        put(folder / "artifacts" / "new", "new")

    meanwhile(tidying, "_is_deleted", restore)
    assert data_of(capsys, "gc", "-y")["runs"][0]["kept"] == "it was restored"
    assert sorted(path.name for path in (folder / "artifacts").iterdir()) == ["big", "new"]
    assert three.find("a").record.run_id == "a"
    assert list(folder.parent.glob(".*.gittrack-tmp")) == []


def test_a_run_that_a_model_is_registered_of_meanwhile_stays(
    three: Store, capsys: pytest.CaptureFixture[str], meanwhile: Meanwhile
) -> None:
    given = {"run_id": "a", "path": "model", "digest": "sha256:0"}
    meanwhile(tidying, "carry_out", partial(Registry(three).register, "wine", **given))
    kept = data_of(capsys, "gc", "-y")["runs"][0]["kept"]
    assert kept == "it is version 1 of the registered model wine"
    assert there(three) == "ac"


def test_a_run_that_is_resumed_meanwhile_stays(
    three: Store, capsys: pytest.CaptureFixture[str], meanwhile: Meanwhile
) -> None:
    held: list[live.Mark | None] = []
    meanwhile(tidying, "carry_out", lambda: held.append(live.take(three.root, "a")))
    assert data_of(capsys, "gc", "-y")["runs"][0]["kept"] == "it is running"
    assert there(three) == "ac"
    assert live.state(three.root, "a") == "running"
    assert held[0] is not None
    held[0].release()


def test_an_experiment_that_is_restored_meanwhile_stays_with_its_runs(
    three: Store, capsys: pytest.CaptureFixture[str], meanwhile: Meanwhile
) -> None:
    edits.write(three.root / "wine", Edit(deleted=True))

    def restore() -> None:
        edits.write(three.root / "wine", Edit(deleted=False))
        write_run(three, "d")

    meanwhile(tidying, "carry_out", restore)
    data = data_of(capsys, "gc", "-y")
    assert [run["kept"] for run in data["runs"]] == [None, None, "it was restored"]
    assert data["experiments"] == []
    assert there(three) == "cd"


def test_the_marks_of_runs_that_begin_meanwhile_and_of_imports_stay(
    three: Store, capsys: pytest.CaptureFixture[str], meanwhile: Meanwhile
) -> None:
    held = [live.take(three.root, name) for name in ("begins", "ended")]
    waiting = three.root / ".cache" / "live" / ".import"
    waiting.touch()
    assert held[1] is not None
    meanwhile(tidying, "carry_out", held[1].forget)
    assert len(data_of(capsys, "gc", "-y")["leftovers"]) == 2
    assert sorted(path.name for path in waiting.parent.iterdir()) == [".import", "begins"]


def test_only_runs_that_began_before(three: Store, capsys: pytest.CaptureFixture[str]) -> None:
    today = write_run(three, "d", start_time=time.time_ns() // 1_000_000).folder
    edits.write(today, Edit(deleted=True))
    days = (time.time() - START / 1000) / 86_400
    older = f"{max(days - 1, 0)}"
    assert today.name[16:] not in [
        item.run.run_id for item in tidying.plan(three, days=float(older) + 0.5).runs
    ]
    assert "is less than nothing" in call(capsys, "gc", "--older-than", "-1", code=2)[1]


def test_a_deleted_experiment_goes_with_its_runs(
    three: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(three, "d", experiment="beer")
    edits.write(three.root / "wine", Edit(deleted=True))
    data = data_of(capsys, "gc", "-y")
    assert [run["run_id"] for run in data["runs"]] == ["a", "b", "c"]
    assert data["experiments"] == ["wine"]
    assert sorted(path.name for path in three.root.iterdir() if path.name[0] != ".") == ["beer"]


def test_leftovers_of_killed_processes_go_after_a_day(
    three: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = (three.folder_of("c") / f"{name}.gittrack-tmp" for name in ("old", "new"))
    for path in (old, new):
        path.touch()
    yesterday = time.time() - 90_000
    os.utime(old, (yesterday, yesterday))
    mark = three.root / ".cache" / "live" / "gone"
    mark.parent.mkdir(parents=True)
    mark.touch()
    assert sorted(Path(path).name for path in data_of(capsys, "gc")["leftovers"]) == [
        "gone",
        old.name,
    ]
    assert "and 2 leftovers of killed processes" in call(capsys, "gc", "-y")[1]
    assert (old.exists(), new.exists(), mark.exists()) == (False, True, False)


def test_what_cannot_be_read_is_not_touched(
    three: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    (three.folder_of("a") / "run.json").write_text("{")
    out, err = call(capsys, "gc", "-y", "--json")
    assert json.loads(out)["problems"][0]["path"].endswith("-a")
    assert "warning:" in err
    assert there(three) == "ac"
