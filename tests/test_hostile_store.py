"""Files of a store that somebody broke, cut, flipped or forged: no listing ends with them."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gittrack as mlflow
from gittrack.entities import ViewType, run_of
from gittrack.errors import GittrackError
from gittrack.runs import edits
from gittrack.runs.edits import Edit
from gittrack.runs.reading import read_run
from gittrack.runs.store import Store
from tests.making import put

GOLDEN = Path(__file__).parent / "golden"
# Every file of these that a reader of the store opens.
READ = sorted(
    path.relative_to(GOLDEN)
    for path in GOLDEN.rglob("*")
    if path.name == "run.json" or path.suffix == ".jsonl" or path.name.startswith(("edit", "exp"))
)
SYSTEM = '{"step":0,"time":1795411510252,"metrics":{"system/cpu_utilization_percentage":1.5}}\n'

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([10**400, -(2**63), "NaN", "\x00", "../../etc/passwd", "\udc80", "=1+1", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
deep = st.sampled_from([b"[" * 100_000, b'{"a":' * 100_000, b'{"metrics":' + b"[" * 50_000])
cut = st.tuples(st.just("cut"), st.floats(0, 1))
flip = st.tuples(
    st.just("flip"), st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255)), min_size=1)
)
insert = st.tuples(st.just("insert"), st.floats(0, 1), st.binary() | deep)
forge = st.tuples(st.just("forge"), st.randoms(use_true_random=False), json_values)


def forged(value: object, dice, new: object) -> object:
    """Return JSON with one value in it, at any depth, replaced."""
    if isinstance(value, dict) and value and dice.random() < 0.8:
        key = dice.choice(sorted(value))
        return {**value, key: forged(value[key], dice, new)}
    if isinstance(value, list) and value and dice.random() < 0.8:
        at = dice.randrange(len(value))
        return [*value[:at], forged(value[at], dice, new), *value[at + 1 :]]
    return new


def damaged(data: bytes, damage) -> bytes:
    kind, *how = damage
    if kind == "cut":
        return data[: int(len(data) * how[0])]
    if kind == "flip":
        changed = bytearray(data)
        for where, mask in how[0]:
            changed[min(int(len(data) * where), len(data) - 1)] ^= mask
        return bytes(changed)
    if kind == "insert":
        at = int(len(data) * how[0])
        return data[:at] + how[1] + data[at:]
    dice, new = how
    lines = data.splitlines()
    try:
        parsed = [json.loads(data)]
    except ValueError:
        parsed = [json.loads(line) for line in lines]
    at = dice.randrange(len(parsed))
    parsed[at] = forged(parsed[at], dice, new)
    return b"".join(json.dumps(each).encode() + b"\n" for each in parsed)


def read_all(root: Path) -> int:
    """Read everything of a store in every way, and return how many runs are listed."""
    store = Store(root)
    listing = store.runs(deleted=True)
    for problem in listing.problems:
        assert str(problem)
    for run in listing.runs:
        assert run.state()
        assert run_of(run, whole=True).to_dictionary()
        for metric in [*run.record.metrics, "system/cpu_utilization_percentage"]:
            assert len(run.history(metric)) >= 0
    for folder in store.run_folders():
        try:
            read_run(folder)
        except GittrackError as error:
            assert error.hint  # noqa: PT017
    client = mlflow.MlflowClient(root)
    for experiment in client.search_experiments(ViewType.ALL):
        client.search_runs([experiment.experiment_id], "metrics.a > 0 or params.b != 'x'")
    return len(listing.runs)


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> Path:
    """A store with the golden runs, and a sound one beside them."""
    root = tmp_path_factory.mktemp("sample") / "mlruns"
    shutil.copytree(GOLDEN, root)
    for folder in [path.parent for path in root.rglob("run.json")]:
        put(folder / "system.jsonl", SYSTEM)
    return root


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", READ, ids=lambda path: f"{path.parent.name[-10:]}-{path.name[:12]}"
)
@given(damage=st.one_of(cut, flip, insert, forge))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_damaged_file_hides_no_other_run(sample, name, damage):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "mlruns")
        shutil.copytree(sample, root)
        whole = read_all(root)
        (root / name).write_bytes(damaged((root / name).read_bytes(), damage))
        assert read_all(root) >= whole - 1


IN_THE_WAY = {
    "a folder": lambda path: (path / "in the way").mkdir(parents=True),
    "a pipe": os.mkfifo,
    "a loop": lambda path: path.symlink_to(path.name),
    "a link out": lambda path: path.symlink_to("/etc/passwd"),
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a dangling link": lambda path: path.symlink_to("nowhere"),
}


@pytest.mark.parametrize("what", IN_THE_WAY)
@pytest.mark.parametrize(
    "name", READ, ids=lambda path: f"{path.parent.name[-10:]}-{path.name[:12]}"
)
def test_what_stands_in_a_files_place_is_neither_followed_nor_waited_for(
    sample, isolated, name, what
):
    root = isolated / "mlruns"
    shutil.copytree(sample, root)
    whole = read_all(root)
    (root / name).unlink()
    IN_THE_WAY[what](root / name)
    assert read_all(root) >= whole - 1
    shown = json.dumps([str(item) for run in Store(root).runs().runs for item in run.problems])
    assert "root:" not in shown


def test_a_link_to_a_folder_is_neither_read_nor_written_nor_deleted_through(sample, isolated):
    """An experiment, a run, its artifacts and a folder in them that are links to elsewhere."""
    root, outside = isolated / "mlruns", isolated / "outside"
    shutil.copytree(sample, outside)
    (outside / "precious.txt").write_text("precious")
    before = sorted(path.relative_to(outside) for path in outside.rglob("*"))
    mlflow.set_tracking_uri(root)
    with mlflow.start_run() as run:
        mlflow.log_text("mine", "sub/a.txt")
    inside = run.writer.folder
    some_run = next(path.parent for path in outside.rglob("run.json"))
    (root / "linked").symlink_to(outside / some_run.parent.name)
    (inside.parent / some_run.name).symlink_to(some_run)
    (run.writer.artifacts / "out").symlink_to(outside)
    assert [found.run_id for found in Store(root).runs().runs] == [run.info.run_id]
    client = mlflow.MlflowClient()
    with pytest.raises(GittrackError):
        client.log_text(run.info.run_id, "theirs", "out/precious.txt")
    with pytest.raises(GittrackError):
        client.download_artifacts(run.info.run_id, "out/precious.txt")
    copy = Path(client.download_artifacts(run.info.run_id, "", isolated / "copy"))
    assert not (copy / "out" / "precious.txt").exists()
    client.delete_run(run.info.run_id)
    with pytest.raises(GittrackError):
        client.set_tag(some_run.name[16:], "a", "b")
    assert (outside / "precious.txt").read_text() == "precious"
    assert sorted(path.relative_to(outside) for path in outside.rglob("*")) == before


# -- names

NAMES = [
    "../x",
    "/etc/passwd",
    "a\0b",
    "x" * 10_000,
    "\N{PARTY POPPER}",
    "CON",
    "con.txt",
    "a/b",
    "Foo",
    "foo",
    "caf\u00e9",
    "cafe\u0301",
    ".",
    "..",
    "",
    " ",
    "-rf",
    "models",
    "default",
    "Default",
    "0",
    "run.json",
    "a\nb",
    "\udc80",
    "\u202egnp.exe",
    "mlruns",
    ".git",
    "a" * 55,
    "x-0123abcd",
    "\x1b[31mred",
]


def kept(store: Store) -> list[Path]:
    """Return every folder and file of a store, and see that all of it lies inside."""
    found = list(store.root.rglob("*"))
    assert all(path.resolve().is_relative_to(store.root.resolve()) for path in found)
    return found


def test_experiments_of_hostile_names_are_refused_or_kept_apart(store):
    made: dict[str, str] = {}
    for name in NAMES:
        try:
            mlflow.set_experiment(name)
        except GittrackError as error:
            assert error.hint  # noqa: PT017
            continue
        with mlflow.start_run() as run:
            mlflow.log_param("name", name)
        made.setdefault(run.info.experiment_id, name)
    folders = {path.parent.parent.name.lower() for path in kept(store) if path.name == "run.json"}
    assert folders == set(made)  # apart on file systems that see no capitals, too
    names = {experiment.name for experiment in store.experiments()}
    assert {"CON", "Foo", "foo", "a/b", "../x", "caf\u00e9", "Default", "models"} <= names
    assert "cafe\u0301" not in names  # two forms of one text are one name
    assert not names & {"", " ", "a\0b", "a\nb", "\udc80", "\x1b[31mred", "x" * 10_000}
    by_folder = {run.experiment_id: run.record.experiment for run in store.runs().runs}
    assert set(by_folder) == set(made)
    assert not store.runs().problems


@pytest.mark.parametrize("log", ["log_metric", "log_param", "set_tag"])
def test_metrics_params_and_tags_of_hostile_names_are_refused_or_kept(store, log):
    taken = []
    with mlflow.start_run():
        for name in NAMES:
            try:
                getattr(mlflow, log)(name, 1)
            except GittrackError as error:
                assert error.hint  # noqa: PT017
            else:
                taken.append(name)
    assert {"CON", "a/b", "Foo", "foo", "run.json", "-rf"} <= set(taken)
    assert not {"../x", "/etc/passwd", "a\0b", "x" * 10_000, ".", "..", "a\nb"} & set(taken)
    record = store.find("@").record
    kind = {"log_metric": record.metrics, "log_param": record.params, "set_tag": record.tags}[log]
    assert set(kind) == set(taken)
    kept(store)


def test_artifacts_of_hostile_names_stay_inside_the_run_or_are_refused(store):
    taken = []
    with mlflow.start_run() as run:
        for name in NAMES:
            try:
                mlflow.log_text("x", name)
            except GittrackError:
                continue
            taken.append(name)
    assert "a/b" in taken
    assert not {"../x", "/etc/passwd", "a\0b", "..", ".", ""} & set(taken)
    assert all(path.is_relative_to(store.root) for path in kept(store))
    (folder,) = [path.parent for path in kept(store) if path.name == "run.json" and path.is_file()][
        :1
    ]
    assert folder == run.writer.folder


@pytest.mark.parametrize("name", NAMES)
def test_runs_and_notes_of_hostile_names_are_text_and_nothing_else(store, name):
    try:
        with mlflow.start_run(run_name=name, description=name, tags={"t": name}) as run:
            mlflow.log_param("value", name)
    except GittrackError as error:
        assert error.hint  # noqa: PT017
        return
    edits.write(run.writer.folder, Edit(name=name or None, note=name))
    found = store.find(run.info.run_id)
    assert found.record.params["value"] == name
    assert found.note == name
    assert found.record.tags["t"] == name
    kept(store)
