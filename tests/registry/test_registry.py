"""The registry on disk: versions that are written once, aliases of one line, tombstones."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path

import pytest

from gittrack import files
from gittrack.errors import (
    AlreadyExistsError,
    InvalidValueError,
    NotFoundError,
    RunStateError,
    StoreError,
)
from gittrack.registry import Registry, reading
from gittrack.registry import registry as writing
from gittrack.runs import edits
from gittrack.runs import store as stores
from gittrack.runs.edits import Edit


@pytest.fixture
def registry(store):
    return Registry(store)


def register(registry, name="wine", run_id="k3v9x2mq7d"):
    return registry.register(name, run_id=run_id, path="model", digest="sha256:ab")


def test_versions_are_files_and_an_alias_is_one_line(registry):
    register(registry)
    register(registry)
    registry.set_alias("wine", "champion", 2)
    found = {
        path.relative_to(registry.root).as_posix()
        for path in registry.root.rglob("*")
        if path.is_file()
    }
    assert found == {"wine/versions/1.json", "wine/versions/2.json", "wine/aliases/champion"}
    assert (registry.root / "wine/aliases/champion").read_bytes() == b"2\n"
    assert (registry.store.root / ".gitignore").exists()


def test_a_version_is_named_by_number_alias_latest_or_stage(registry):
    register(registry)
    register(registry)
    registry.set_alias("wine", "production", 1)
    for which, number in {
        "1": 1,
        "production": 1,
        "Production": 1,
        "latest": 2,
        "LATEST": 2,
    }.items():
        assert registry.named("wine", which).number == number
    with pytest.raises(NotFoundError, match="no alias 'staging'") as caught:
        registry.named("wine", "staging")
    assert "production" in caught.value.hint


@pytest.mark.parametrize("name", ["Wine", "a b", "größe", "con", "x" * 200, ".hidden", "a.b"])
def test_a_name_that_can_be_no_folder_is_kept_beside(registry, name):
    made = register(registry, name)
    assert made.name == name
    assert [model.name for model in registry.models()] == [name]
    assert registry.version(name, 1).uri == f"models:/{name}/1"
    register(registry, name)
    assert len(list(registry.root.iterdir())) == 1


@pytest.mark.parametrize("name", ["", " ", "a/b", "a:b", "a@b", "a\nb", "\ud800", "x" * 251, None])
def test_a_name_that_no_uri_could_hold(registry, name):
    with pytest.raises(InvalidValueError, match="Invalid model name"):
        register(registry, name)
    assert not registry.root.exists()


@pytest.mark.parametrize("alias", ["", "3", "v3", "latest", "Latest", "a b", "../x", "-x", "con"])
def test_a_word_that_can_be_no_alias(registry, alias):
    register(registry)
    with pytest.raises(InvalidValueError, match="Invalid alias"):
        registry.set_alias("wine", alias, 1)


def test_two_aliases_do_not_differ_by_case_alone(registry):
    register(registry)
    registry.set_alias("wine", "champion", 1)
    with pytest.raises(InvalidValueError, match="by its case only"):
        registry.set_alias("wine", "Champion", 1)


def test_a_removed_version_leaves_its_number_and_takes_its_aliases(registry):
    register(registry)
    register(registry)
    registry.set_alias("wine", "champion", 2)
    registry.remove("wine", 2, user="Ana")
    stone = json.loads((registry.root / "wine/versions/2.json").read_text())
    assert stone.pop("time")
    assert stone == {"format": 1, "version": 2, "user": "Ana", "removed": True}
    assert registry.model("wine").aliases == {}
    assert register(registry).number == 3
    with pytest.raises(NotFoundError, match="version 2 of wine was removed"):
        registry.version("wine", 2)
    assert [one.number for one in registry.versions("wine").versions] == [3, 1]
    assert [one.number for one in registry.versions("wine", removed=True).versions] == [3, 2, 1]


def test_a_deleted_model_comes_back_with_its_numbers_spent(registry):
    register(registry)
    registry.set_alias("wine", "champion", 1)
    registry.delete("wine")
    assert registry.models() == []
    assert register(registry).number == 2
    assert registry.model("wine").aliases == {}


def test_a_renamed_model_keeps_its_folder(registry):
    register(registry)
    register(registry, "beer")
    registry.rename("wine", "port")
    assert registry.version("port", 1).name == "port"
    with pytest.raises(NotFoundError):
        registry.model("wine")
    with pytest.raises(AlreadyExistsError):
        registry.rename("port", "beer")
    assert register(registry).number == 1  # another of the old name
    assert sorted(model.name for model in registry.models()) == ["beer", "port", "wine"]


def test_a_name_may_be_given_up_and_taken_again_for_ever(registry):
    for year in range(2020, 2026):
        assert register(registry).number == 1
        registry.rename("wine", f"wine of {year}")
    assert len({model.folder for model in registry.models()}) == 6


def test_what_is_said_later_is_an_edit_beside(registry):
    register(registry)
    before = (registry.root / "wine/versions/1.json").read_bytes()
    registry.edit("wine", Edit(note="of the old grapes", tags={"a": "b"}))
    registry.edit("wine", Edit(note="the first", tags={"c": "d"}), number=1)
    assert registry.model("wine").note == "of the old grapes"
    assert registry.version("wine", 1).tags == {"c": "d"}
    assert (registry.root / "wine/versions/1.json").read_bytes() == before


def test_a_run_that_a_version_points_to_is_in_use(registry):
    register(registry, run_id="k3v9x2mq7d")
    assert list(registry.used_runs()) == ["k3v9x2mq7d"]
    with pytest.raises(RunStateError, match="is version 1 of the registered model wine"):
        registry.check_unused("k3v9x2mq7d")
    registry.remove("wine", 1)
    registry.check_unused("k3v9x2mq7d")


def test_while_a_version_cannot_be_read_no_run_is_known_to_be_unused(registry):
    register(registry)
    (registry.root / "wine/versions/1.json").write_text("<<<<<<< a\n=======\n>>>>>>> b\n")
    for asked in (registry.used_runs, lambda: registry.check_unused("another")):
        with pytest.raises(StoreError, match="conflict markers"):
            asked()


def test_registering_at_once_gives_each_a_number(registry):
    register(registry)
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: register(registry).number, range(40)))
    assert sorted(numbers) == list(range(2, 42))


# -- what another process does in between


def test_an_alias_that_moves_on_while_its_version_is_removed_stays(registry, meanwhile):
    register(registry)
    register(registry)
    registry.set_alias("wine", "champion", 1)
    meanwhile(reading, "alias_path", lambda: registry.set_alias("wine", "champion", 2))
    registry.remove("wine", 1)
    assert registry.model("wine").aliases == {"champion": 2}
    assert [path.name for path in (registry.root / "wine/aliases").iterdir()] == ["champion"]


def test_no_alias_points_to_a_version_that_is_removed_while_it_is_set(registry, meanwhile):
    register(registry)
    meanwhile(files, "make_folder", lambda: registry.remove("wine", 1))
    with pytest.raises(NotFoundError, match="version 1 of wine was removed"):
        registry.set_alias("wine", "champion", 1)
    assert registry.model("wine").aliases == {}


@pytest.mark.parametrize(
    "other", [lambda one: one.rename("beer", "port"), lambda one: one.create("port")]
)
def test_a_name_that_is_given_twice_at_once_is_one_models(registry, meanwhile, other):
    register(registry)
    register(registry, "beer")
    with ThreadPoolExecutor(1) as pool:
        meanwhile(edits, "write", lambda: wait([pool.submit(other, registry)], timeout=0.2))
        registry.rename("wine", "port")
    assert [model.name for model in registry.models()].count("port") == 1


def test_a_name_that_is_given_while_a_model_is_made_is_one_models(registry, meanwhile):
    register(registry, "beer")
    meanwhile(stores, "turn", lambda: registry.rename("beer", "port"))
    assert registry.create("port").folder.name == "beer"
    assert len(registry.models()) == 1


def test_a_model_that_is_deleted_before_its_version_is_written_comes_back(registry, meanwhile):
    register(registry)
    meanwhile(writing, "put", lambda: registry.delete("wine"))
    assert register(registry).number == 2
    assert [one.number for one in registry.versions("wine").versions] == [2]


def test_a_version_that_goes_with_its_model_while_it_is_registered_gets_another_number(
    registry, meanwhile
):
    register(registry)
    delete = partial(registry.delete, "wine")
    meanwhile(writing, "put", lambda: meanwhile(reading, "read_model", delete))
    assert register(registry).number == 3
    assert [one.number for one in registry.versions("wine").versions] == [3]


def test_a_version_that_is_registered_just_before_its_model_is_deleted_goes_too(
    registry, meanwhile
):
    register(registry)
    meanwhile(edits, "write", lambda: register(registry))
    registry.delete("wine")
    (model,) = registry.models(deleted=True)
    assert [reading.read_version(model, number).removed for number in (1, 2)] == [True, True]


def test_an_alias_that_is_taken_away_while_it_is_read_is_not_there(registry, meanwhile):
    register(registry)
    registry.set_alias("wine", "champion", 1)
    alias = registry.root / "wine/aliases/champion"
    meanwhile(Path, "iterdir", lambda: meanwhile(files, "read_bytes", alias.unlink))
    found = reading.read_model(registry.root / "wine")
    assert (found.aliases, found.problems) == ({}, ())


def test_aliases_that_go_with_their_folder_while_they_are_read_are_not_there(registry, meanwhile):
    register(registry)
    registry.set_alias("wine", "champion", 1)
    aliases = registry.root / "wine/aliases"
    meanwhile(Path, "iterdir", lambda: shutil.rmtree(aliases))
    found = reading.read_model(registry.root / "wine")
    assert (found.aliases, found.problems) == ({}, ())


# -- damage is named, and hides nothing else


def test_a_version_in_conflict_names_the_command_that_mends_it(registry):
    register(registry, "My Wine")
    path = registry.versions("My Wine") and next(registry.root.rglob("1.json"))
    path.write_text("<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> other\n")
    register(registry, "My Wine")
    with pytest.raises(StoreError, match="conflict markers") as caught:
        registry.version("My Wine", 1)
    assert caught.value.hint.endswith("gittrack models renumber 'My Wine'/1")
    listed = registry.versions("My Wine")
    assert [one.number for one in listed.versions] == [2]
    assert listed.problems[0].path == path


@pytest.mark.parametrize(
    "content",
    [b"", b"two\n", b"-1\n", b"0\n", b"<<<<<<< a\n1\n=======\n2\n>>>>>>> b\n", b"1" * 5000],
)
def test_a_broken_alias(registry, content):
    register(registry)
    (registry.root / "wine/aliases").mkdir()
    (registry.root / "wine/aliases/champion").write_bytes(content)
    assert registry.version("wine", 1).aliases == ()
    assert "aliases/champion" in str(registry.versions("wine").problems[0])
    with pytest.raises(StoreError, match="champion") as caught:
        registry.named("wine", "champion")
    assert caught.value.hint


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 1, "version": 2}', "\0"])
def test_a_broken_version(registry, content):
    register(registry)
    register(registry)
    (registry.root / "wine/versions/1.json").write_text(content)
    with pytest.raises(StoreError, match=r"versions/1\.json"):
        registry.version("wine", 1)
    assert registry.named("wine", "latest").number == 2
    assert register(registry).number == 3


def test_links_and_the_registry_of_mlflow_are_left_alone(registry, tmp_path):
    register(registry)
    (tmp_path / "elsewhere").mkdir()
    (registry.root / "link").symlink_to(tmp_path / "elsewhere")
    (registry.root / "theirs").mkdir()
    (registry.root / "theirs" / "meta.yaml").write_text("name: theirs\n")
    assert [model.name for model in registry.models()] == ["wine"]
