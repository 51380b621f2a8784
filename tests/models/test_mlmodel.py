"""MLmodel: what MLflow writes is read, unknown keys stay, and every damage is one clear error."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gittrack.errors import ModelError
from gittrack.models import ColSpec, Model, ModelSignature, Schema, mlmodel

SAMPLES = Path(__file__).parent / "samples"

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
maps = st.dictionaries(st.text(max_size=8), plain, max_size=3)
texts = st.none() | st.text(min_size=1, max_size=30)
reserved = set(Model.__dataclass_fields__)
models = st.builds(
    Model,
    flavors=st.dictionaries(st.text(max_size=8), maps, min_size=1, max_size=3),
    artifact_path=texts,
    run_id=texts,
    utc_time_created=texts,
    model_uuid=texts,
    gittrack_version=texts,
    signature=st.none() | st.just(ModelSignature(Schema([ColSpec("long", "a")]))),
    saved_input_example_info=st.none() | maps,
    metadata=st.none() | maps,
    unknown=maps.map(lambda some: {key: item for key, item in some.items() if key not in reserved}),
)


@given(models)
def test_a_model_reads_back_the_same(model):
    assert mlmodel.from_bytes(mlmodel.to_bytes(model)) == model


@given(models)
def test_keys_are_sorted_and_nothing_is_null(model):
    written = yaml.safe_load(mlmodel.to_bytes(model))
    assert list(written) == sorted(written)
    assert all(written[key] is not None for key in written if key not in model.unknown)


def test_the_bytes_of_a_model():
    model = Model(
        flavors={"sklearn": {"pickled_model": "model.pkl", "code": None}},
        artifact_path="model",
        run_id="k3v9x2mq7d",
        utc_time_created="2026-11-23 05:12:00.123456",
        model_uuid="10bd6cf489f34a898e49db71865372d9",
        gittrack_version="0.1.0",
        signature=ModelSignature(Schema([ColSpec("double", "alcohol")])),
        metadata={"team": "ä", "sizes": (1, 2)},
    )
    assert mlmodel.to_bytes(model).decode() == (
        """\
artifact_path: model
flavors:
  sklearn:
    code: null
    pickled_model: model.pkl
gittrack_version: 0.1.0
metadata:
  sizes:
  - 1
  - 2
  team: ä
model_uuid: 10bd6cf489f34a898e49db71865372d9
run_id: k3v9x2mq7d
signature:
  inputs: '[{"type": "double", "name": "alcohol", "required": true}]'
  outputs: null
  params: null
utc_time_created: '2026-11-23 05:12:00.123456'
"""
    )


@pytest.mark.parametrize("version", ["1.30", "3.17"])
def test_what_mlflow_writes_keeps_every_key(version):
    original = yaml.safe_load((SAMPLES / f"mlflow-{version}" / "MLmodel").read_bytes())
    written = yaml.safe_load(mlmodel.to_bytes(mlmodel.read(SAMPLES / f"mlflow-{version}")))
    original.pop("signature", None)
    written.pop("signature", None)
    assert written == original


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no map"),
        (b"- a", "no map"),
        (b"1: a", "no map"),
        (b"a: [", "not valid YAML"),
        (b"a: \xff", "not valid YAML"),
        (b"a: !!python/object:os.system {}", "not valid YAML"),
        (b"when: 2026-99-99\nflavors: {a: {}}", "not valid YAML"),
        (b"[" * 100_000, "not valid YAML"),
        (b"<<<<<<< HEAD\nrun_id: a\n", "conflict markers"),
        (b"run_id: a", "'flavors' is missing"),
        (b"flavors: {}", "'flavors' is missing"),
        (b"flavors: {sklearn: 1}", "'sklearn' is not a map"),
        (b"flavors: {a: {}}\nmetadata: 7", "'metadata' is not a map"),
        (b"flavors: {a: {}}\nsignature: 7", "'signature' is int"),
    ],
)
def test_a_damaged_file_is_one_clear_error(tmp_path, content, says):
    (tmp_path / "MLmodel").write_bytes(content)
    with pytest.raises(ModelError, match=says) as caught:
        mlmodel.read(tmp_path)
    assert str(tmp_path) in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_a_folder_without_the_file_is_no_model(tmp_path):
    with pytest.raises(ModelError, match="has no MLmodel"):
        mlmodel.read(tmp_path)


def test_metadata_that_has_no_form_in_yaml_is_refused():
    with pytest.raises(ModelError, match="cannot be written as YAML"):
        mlmodel.to_bytes(Model(flavors={"a": {}}, metadata={"when": object()}))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
def test_a_link_or_a_pipe_in_its_place_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "MLmodel")
    with pytest.raises(ModelError, match="not a plain file"):
        mlmodel.read(tmp_path)
    (tmp_path / "MLmodel").unlink()
    (tmp_path / "MLmodel").symlink_to("/dev/zero")
    with pytest.raises(ModelError, match="is a link"):
        mlmodel.read(tmp_path)
