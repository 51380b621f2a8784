"""Edits: later changes as files of their own, joined by every reader in the same way."""

from __future__ import annotations

import json
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrack import files, paths, schema
from gittrack.errors import StoreError
from gittrack.runs import edits
from gittrack.runs.edits import Edit

optional = st.none() | st.text(max_size=10)
some_edits = st.builds(
    Edit,
    user=optional,
    name=optional,
    note=optional,
    tags=st.dictionaries(st.sampled_from("abc"), optional, max_size=2),
    deleted=st.none() | st.booleans(),
).filter(lambda edit: edit != Edit())


@given(st.lists(some_edits, min_size=1, max_size=5))
def test_later_edits_win_key_by_key(tmp_path_factory, made):
    folder = tmp_path_factory.mktemp("run")
    for edit in made:
        edits.write(folder, edit)
    found = edits.read(folder)
    assert not found.problems
    for key in ("user", "name", "note", "deleted"):
        given_values = [getattr(edit, key) for edit in made if getattr(edit, key) is not None]
        assert getattr(found.joined, key) == (given_values[-1] if given_values else None)
    tags: dict[str, str | None] = {}
    for edit in made:
        tags.update(edit.tags)
    assert found.joined.tags == tags


@given(some_edits)
def test_every_edit_fits_the_schema(tmp_path_factory, edit):
    path = edits.write(tmp_path_factory.mktemp("run"), edit)
    assert paths.is_edit(path.name)
    assert schema.check("edit", files.read_json(path)) == []
    assert path.read_bytes().endswith(b"\n}\n")


def test_an_edit_is_later_than_all_others_whatever_the_clock_says(tmp_path):
    ahead = time.time_ns() // 1_000_000 + 3_600_000
    edits.write(tmp_path, Edit(time=ahead, name="from a clock that is an hour ahead"))
    edits.write(tmp_path, Edit(name="newest"))
    assert edits.read(tmp_path).joined.name == "newest"


def test_the_bytes_of_an_edit(tmp_path):
    edit = Edit(1_795_411_510_252, "Ana", "the one", "good", {"b": None, "a": "1"}, deleted=False)
    assert edits.write(tmp_path, edit).read_text() == (
        '{\n  "format": 1,\n  "time": "2026-11-23T05:25:10.252Z",\n  "user": "Ana",\n'
        '  "name": "the one",\n  "note": "good",\n  "tags": {"a": "1", "b": null},\n'
        '  "deleted": false\n}\n'
    )


def test_secrets_are_left_out(tmp_path):
    token = "gh" + "p_" + "a1" * 18
    path = edits.write(tmp_path, Edit(note=f"use {token}", tags={"key": token}, name=token))
    assert token not in path.read_text()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"format": 2, "time": "2026-11-23T05:25:10.252Z"}',
        '{"format": 1}',
        '{"format": 1, "time": "2026-11-23T05:25:10.252Z", "tags": {"a": 1}}',
        '{"format": 1, "time": "2026-11-23T05:25:10.252Z", "tags": []}',
        '{"format": 1, "time": "2026-11-23T05:25:10.252Z", "name": 5}',
        '{"format": 1, "time": "2026-11-23T05:25:10.252Z", "deleted": "yes"}',
        '{\n<<<<<<< HEAD\n"format": 1\n}',
        "[" * 100_000,
    ],
)
def test_a_broken_edit_is_a_problem_and_hides_no_other(tmp_path, content):
    edits.write(tmp_path, Edit(name="kept"))
    broken = tmp_path / paths.edit_name(0)
    broken.write_text(content)
    found = edits.read(tmp_path)
    assert found.joined.name == "kept"
    assert [problem.path for problem in found.problems] == [broken]


def test_a_link_in_place_of_an_edit_is_not_followed(tmp_path):
    outside = tmp_path / "outside.json"
    outside.write_text(json.dumps({"format": 1, "time": "2026-11-23T05:25:10.252Z", "name": "x"}))
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / paths.edit_name(0)).symlink_to(outside)
    found = edits.read(folder)
    assert found.joined.name is None
    assert found.problems


def test_other_files_are_no_edits(tmp_path):
    (tmp_path / "edit-mine.json").write_text("{}")
    (tmp_path / f"{paths.edit_name(0)}.x{paths.TEMPORARY}").write_text("{}")
    assert edits.read(tmp_path) == edits.Edits(Edit())


def test_a_missing_folder_has_no_edits_and_takes_none(tmp_path):
    assert edits.read(tmp_path / "nowhere") == edits.Edits(Edit())
    with pytest.raises(StoreError, match="nowhere"):
        edits.write(tmp_path / "nowhere", Edit(name="x"))


def test_what_was_read_a_moment_ago_is_known_while_only_runs_are_added(tmp_path, monkeypatch):
    monkeypatch.setattr(edits, "_RECENT_SECONDS", math.inf)
    edits.write(tmp_path, Edit(deleted=True))
    assert edits.read_recent(tmp_path).joined.deleted
    monkeypatch.setattr(edits, "read", None)
    with edits.kept(tmp_path):
        (tmp_path / "a run").mkdir()
    assert edits.read_recent(tmp_path).joined.deleted


def test_an_edit_of_this_process_is_known_at_once(tmp_path):
    for deleted in (True, False, True):
        edits.write(tmp_path, Edit(deleted=deleted))
        assert edits.read_recent(tmp_path).joined.deleted is deleted


def test_an_edit_of_somebody_else_is_seen_by_the_time_of_the_folder(tmp_path):
    edits.write(tmp_path, Edit(deleted=False))
    data = next(tmp_path.glob("edit-*")).read_text().replace("false", "true")
    assert edits.read_recent(tmp_path).joined.deleted is False
    time.sleep(0.02)  # longer than the system takes for one time
    (tmp_path / paths.edit_name(time.time_ns() // 1_000_000 + 5000)).write_text(data)
    with edits.kept(tmp_path):
        (tmp_path / "a run").mkdir()
    assert edits.read_recent(tmp_path).joined.deleted is True


def test_what_was_read_is_forgotten_after_two_seconds(tmp_path):
    assert edits.read_recent(tmp_path).joined.deleted is None
    known = edits._recent[tmp_path]
    edits._recent[tmp_path] = known._replace(edits=None, read=known.read - 2.5)
    assert edits.read_recent(tmp_path).joined.deleted is None
