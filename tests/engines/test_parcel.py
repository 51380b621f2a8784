from __future__ import annotations

import io
import os
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

import gittrack.sklearn
from gittrack.engines import parcel
from gittrack.errors import ModelError


@pytest.fixture
def model() -> Path:
    gittrack.sklearn.save_model(LinearRegression().fit([[0.0], [1.0]], [1.0, 3.0]), "model")
    return Path("model")


def packed(folder: Path) -> tuple[parcel.Parcel, bytes]:
    archive = io.BytesIO()
    return parcel.pack(folder, archive), archive.getvalue()


def test_the_same_files_are_the_same_parcel(model: Path) -> None:
    first, content = packed(model)
    os.utime(model / "MLmodel", (0, 0))
    (model / "MLmodel").chmod(0o600)
    second, again = packed(model)
    assert (first, content) == (second, again)
    (model / "more.txt").write_text("x")
    assert packed(model)[0].name != first.name


def test_a_parcel_is_unpacked_once_and_loaded_once(model: Path, tmp_path: Path) -> None:
    sent, content = packed(model)
    opened = []

    def archive() -> io.BytesIO:
        opened.append(1)
        return io.BytesIO(content)

    shelf = tmp_path / "shelf"
    shelf.mkdir()
    loaded = parcel.load(sent, archive, shelf)
    assert loaded.predict(np.array([[2.0]])).tolist() == pytest.approx([5.0])
    assert parcel.load(sent, archive, shelf) is loaded
    assert len(opened) == 1
    assert [path.name for path in shelf.iterdir()] == [f"{sent.name}-unpacked"]


def test_a_parcel_in_memory_travels_as_a_pickle(model: Path) -> None:
    import pandas as pd

    sent = pickle.loads(pickle.dumps(parcel.in_memory(model)))
    (model / "model.pkl").unlink()
    part = pd.DataFrame({"x": [0.0, 1.0]}, index=[5, 6]).to_numpy()
    answer = sent.predict(pd.DataFrame(part, index=[5, 6]))
    assert answer.index.tolist() == [5, 6]
    assert answer["0"].tolist() == pytest.approx([1.0, 3.0])


def test_a_link_out_of_the_model_is_not_sent(model: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (model / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(ModelError, match="leads out of the model"):
        packed(model)


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside-of-gittrack", "a/../../outside"])
def test_an_archive_leads_nowhere_else(model: Path, tmp_path: Path, name: str) -> None:
    sent, _ = packed(model)
    hostile = io.BytesIO()
    with tarfile.open(fileobj=hostile, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.size = 1
        tar.addfile(info, io.BytesIO(b"x"))
    hostile.seek(0)
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    with pytest.raises(ModelError, match="the archive of gittrack-model-"):
        parcel.load(sent, lambda: hostile, shelf)
    assert not list(shelf.iterdir())
    assert not Path("/tmp/outside-of-gittrack").exists()


def test_a_damaged_archive_is_said(model: Path, tmp_path: Path) -> None:
    sent, content = packed(model)
    with pytest.raises(ModelError, match="is damaged"):
        parcel.load(sent, lambda: io.BytesIO(content[:700]), tmp_path)
