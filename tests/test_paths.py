"""Names on disk: different things never share a name, and every name is valid everywhere."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrack import paths

HARD_NAMES = [
    "../x",
    "/etc/passwd",
    "a\0b",
    "x" * 10_000,
    "🦦",
    "CON",
    "con",
    "nul.txt",
    "com1",
    "models",
    "a/b",
    "a\\b",
    "Foo",
    "foo",
    "FOO",
    "foo ",
    "foo.",
    "default",
    "Default",
    "DEFAULT",
    ".cache",
    ".git",
    "-x",
    "plain-0a1b2c3d",
    "",
]
names = st.text(min_size=1) | st.sampled_from(HARD_NAMES) | st.from_regex(r"[a-zA-Z_-]{1,9}")


def same_name(first: str, second: str) -> bool:
    return unicodedata.normalize("NFC", first) == unicodedata.normalize("NFC", second)


@given(names, names)
def test_different_names_are_different_folders_also_where_case_does_not_count(first, second):
    one, other = paths.folder_for(first), paths.folder_for(second)
    assert (one.casefold() == other.casefold()) == same_name(first, second)


@given(names)
def test_every_folder_is_valid_on_every_file_system(name):
    folder = paths.folder_for(name)
    assert re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,54}", folder)
    assert not paths.is_reserved(folder)


@given(names)
def test_a_folder_that_is_not_the_name_is_never_anothers_plain_name(name):
    folder = paths.folder_for(name)
    if folder not in {name, paths.DEFAULT_FOLDER}:
        assert paths.folder_for(folder) != folder


@pytest.mark.parametrize("name", ["wine", "wine-2", "2024_runs", "a", "x" * 55])
def test_a_plain_name_is_its_own_folder(name):
    assert paths.folder_for(name) == name


@pytest.mark.parametrize("name", ["models", "con", "aux", "com1", "lpt9", "wine-0123abcd", "Wine"])
def test_a_name_that_cannot_be_a_folder_gets_a_slug_and_a_digest(name):
    assert re.fullmatch(re.escape(name.lower()) + r"-[0-9a-f]{8}", paths.folder_for(name))


def test_default_has_the_folder_default_and_no_other_name_has():
    assert paths.folder_for("Default") == "default"
    assert paths.folder_for("default") != "default"


def test_the_two_unicode_forms_of_a_name_are_one_folder():
    assert paths.folder_for("caf\N{LATIN SMALL LETTER E WITH ACUTE}") == paths.folder_for(
        "cafe\N{COMBINING ACUTE ACCENT}"
    )


def test_run_ids_are_ten_characters_the_first_a_letter():
    ids = {paths.new_run_id() for _ in range(2000)}
    assert len(ids) == 2000
    assert all(re.fullmatch(r"[a-hjkmnp-tv-z][0-9a-hjkmnp-tv-z]{9}", run_id) for run_id in ids)
    names = {paths.run_folder_name(run_id, 0): run_id for run_id in ids}
    assert all(paths.parse_run_folder(name).run_id == run_id for name, run_id in names.items())


@pytest.mark.parametrize("text", ["", "../x", "a/b", "-x", "a b", "a\n", "x" * 300])
def test_what_could_lead_elsewhere_is_no_run_id(text):
    assert paths.parse_run_folder(f"20261123-051200-{text}") is None


def test_a_run_folder_is_utc_time_and_id():
    name = paths.run_folder_name("k3v9x2mq7d", 1_795_411_510_252)
    assert name == "20261123-052510-k3v9x2mq7d"
    assert paths.parse_run_folder(name) == ("20261123-052510", "k3v9x2mq7d")


@pytest.mark.parametrize("name", ["artifacts", "20261123-k3v9", "20261123-052510-", ".cache"])
def test_other_folders_are_no_runs(name):
    assert paths.parse_run_folder(name) is None


def test_an_imported_id_is_found_in_its_folder():
    mlflow_id = "0123456789abcdef0123456789abcdef"
    assert paths.parse_run_folder(paths.run_folder_name(mlflow_id, 0)) == (
        "19700101-000000",
        mlflow_id,
    )


def test_edits_have_names_of_their_own():
    made = {paths.edit_name(1_795_411_510_252) for _ in range(500)}
    assert len(made) == 500
    assert all(paths.is_edit(name) for name in made)
    assert not paths.is_edit("edit-yesterday.json")


@pytest.mark.parametrize("rank", [None, 0])
def test_the_first_process_writes_the_plain_line_file(rank):
    assert paths.line_file_name(first=True, rank=rank) == "metrics.jsonl"


def test_further_processes_and_ranks_write_files_of_their_own():
    assert re.fullmatch(r"metrics\.\w{8}\.jsonl", paths.line_file_name(first=False))
    assert re.fullmatch(r"metrics\.r3-\w{8}\.jsonl", paths.line_file_name(first=True, rank=3))


@given(
    st.sampled_from(["metrics.jsonl", "metrics.12345678.jsonl", "metrics.r3-a1b2c3d4.jsonl"]),
    st.integers(1, 30),
)
def test_a_full_line_file_is_followed_by_numbered_ones(first, count):
    rolled = [first]
    for _ in range(count):
        rolled.append(paths.next_line_file(rolled[-1]))
    stem = first.removesuffix(".jsonl")
    assert rolled[1:] == [f"{stem}.{number}.jsonl" for number in range(2, count + 2)]
    assert all(paths.is_line_file(name) for name in rolled)
    assert sorted(rolled, key=paths.line_file_order) == rolled


@pytest.mark.parametrize("name", ["system.jsonl", "metrics.json", "metrics.x.jsonl", "metrics"])
def test_other_files_are_no_line_files(name):
    assert not paths.is_line_file(name)
