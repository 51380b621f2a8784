"""Values for an entry point's parameters: types, defaults, extras, paths."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gittrack.errors import NotFoundError, ProjectError
from gittrack.models import digest
from gittrack.projects import parameters
from gittrack.projects.mlproject import EntryPoint, Parameter, Project
from gittrack.registry import Registry
from gittrack.runs.store import Store
from gittrack.runs.writer import RunWriter
from tests.making import write_run

if TYPE_CHECKING:
    from gittrack.projects.parameters import Values


def resolve(given: dict[str, object], *declared: Parameter, caller: Path | None = None) -> Values:
    here = caller or Path.cwd()
    project = Project(here / "project", file=here / "project" / "MLproject")
    entry = EntryPoint("main", "", {parameter.name: parameter for parameter in declared})
    return parameters.resolve(
        project,
        entry,
        given,
        callers=(here,),
        store=Store(here / "mlruns"),
        scratch=here / "scratch",
    )


def test_numbers_are_recorded_as_numbers_where_that_loses_nothing() -> None:
    types = {"a": "float", "b": "float", "c": "float", "d": "int", "e": "string"}
    given = {"a": "0.5", "b": "0.50", "c": "1e-3", "d": "3", "e": "7"}

    values = resolve(given, *(Parameter(name, kind) for name, kind in types.items()))

    assert values.plain == {"a": 0.5, "b": "0.50", "c": "1e-3", "d": 3, "e": "7"}
    assert values.declared == given


def test_a_default_stands_in_for_what_is_not_given() -> None:
    values = resolve({"b": None}, Parameter("a", "float", "0.1"), Parameter("b", "string", "x y"))

    assert values.plain == {"a": 0.1, "b": "x y"}


def test_all_missing_parameters_are_named_at_once() -> None:
    with pytest.raises(ProjectError) as caught:
        resolve({"y": "1"}, Parameter("x"), Parameter("y"), Parameter("z", "path"))

    assert "No value given for missing parameters: 'x', 'z'" in caught.value.message
    assert caught.value.hint == "-P x=VALUE -P z=VALUE"


def test_what_is_not_declared_follows_in_the_order_given() -> None:
    values = resolve({"z": 1, "a": True, "trainer.lr": 0.5}, Parameter("q", "string", ""))

    assert list(values.extra.items()) == [("z", "1"), ("a", "True"), ("trainer.lr", "0.5")]
    assert values.plain == {"q": "", "z": "1", "a": "True", "trainer.lr": "0.5"}


@pytest.mark.parametrize("key", ["", "-x", "a b", "a;b", "$(x)", "a\nb", "é", "a=b", "x" * 300])
def test_a_name_that_could_be_no_option_is_refused(key: str) -> None:
    with pytest.raises(ProjectError, match="cannot be the name of a parameter"):
        resolve({key: "1"})


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("float", "abc"),
        ("float", ""),
        ("float", "1,5"),
        ("int", "1.0"),
        ("int", "1e3"),
        ("int", ""),
        ("int", "3_000"),
        ("int", " 3"),
        ("int", "\u0663"),
        ("float", "1_0"),
        ("float", "1e400"),
        ("float", "nan"),
    ],
)
def test_a_value_that_is_not_of_its_type_is_refused(kind: str, text: str) -> None:
    with pytest.raises(
        ProjectError, match=f"entry point 'main': parameter 'x': {text!r} is no {kind}"
    ):
        resolve({"x": text}, Parameter("x", kind))


def test_a_path_is_meant_from_the_callers_folder(isolated: Path) -> None:
    (isolated / "x.csv").write_text("")

    values = resolve({"data": "x.csv"}, Parameter("data", "path"))

    assert values.declared == {"data": str(isolated / "x.csv")}
    assert values.plain == {"data": "x.csv"}


def test_an_absolute_path_inside_the_root_is_recorded_relative_to_it(isolated: Path) -> None:
    (isolated / "x.csv").write_text("")
    outside = isolated.parent / "y.csv"
    outside.write_text("")

    given = {"a": str(isolated / "x.csv"), "b": str(outside)}
    values = resolve(given, Parameter("a", "path"), Parameter("b", "path"))

    assert values.declared == given
    assert values.plain == {"a": "x.csv", "b": str(outside)}


def test_a_paths_default_may_lie_in_the_project(isolated: Path) -> None:
    (isolated / "project").mkdir()
    (isolated / "project" / "x.csv").write_text("")

    values = resolve({}, Parameter("data", "path", "x.csv"))

    assert values.declared == {"data": str(isolated / "project" / "x.csv")}


def test_a_file_uri_is_a_path(isolated: Path) -> None:
    (isolated / "a b.csv").write_text("")

    values = resolve({"data": (isolated / "a b.csv").as_uri()}, Parameter("data", "path"))

    assert values.declared == {"data": str(isolated / "a b.csv")}


@pytest.mark.parametrize("text", ["gone.csv", "", "a\0b", "x" * 5000, "file:///gone"])
def test_a_path_must_exist(text: str) -> None:
    with pytest.raises(ProjectError, match="no such file or directory was found"):
        resolve({"data": text}, Parameter("data", "path"))


def test_a_path_on_another_machine_is_refused() -> None:
    with pytest.raises(ProjectError, match="not on this machine"):
        resolve({"data": "s3://bucket/x.csv"}, Parameter("data", "path"))


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://example.org/x.csv", "x.csv"),
        ("HTTPS://example.org/a/x%20y.csv?token=1#top", "x%20y.csv"),
        ("http://example.org/a/..", "download"),
        ("http://example.org", "example.org"),
        ("http://example.org/?x=/..", "example.org"),
        ("http://example.org/" + "x" * 5000, "x" * 100),
    ],
)
def test_a_path_of_the_web_is_expected_in_the_folder_of_the_run(
    isolated: Path, url: str, name: str
) -> None:
    values = resolve({"a": url, "b": url}, Parameter("a", "path"), Parameter("b", "path"))

    target = isolated / "scratch" / "param_0" / name
    assert values.downloads == {url: target}
    assert values.declared == {"a": str(target), "b": str(target)}
    assert values.reaches == (target, target)
    assert values.plain == {"a": url, "b": url}


def test_a_uri_is_passed_on_and_a_relative_one_made_absolute(isolated: Path) -> None:
    given = {"a": "runs:/k3v9x2mq7d/model", "b": "out/x.csv", "c": "s3://bucket/x"}

    values = resolve(given, *(Parameter(name, "uri") for name in given))

    assert values.declared == {**given, "b": str(isolated / "out" / "x.csv")}
    assert values.plain == given


def test_a_uri_that_names_the_latest_run_is_settled_before_there_is_a_later_one() -> None:
    store = Store(Path.cwd() / "mlruns")
    writer = RunWriter.create(store, store.experiment("0"))
    writer.end()

    values = resolve({"model": "runs:/@/model"}, Parameter("model", "uri"))

    assert values.declared == values.plain == {"model": f"runs:/{writer.run_id}/model"}


@pytest.mark.parametrize("kind", ["int", "path"])
def test_a_wrong_default_is_told_as_one_with_its_place(kind: str) -> None:
    with pytest.raises(ProjectError) as caught:
        resolve({}, Parameter("x", kind, "gone"))

    assert "MLproject: entry point 'main': parameter 'x': its default 'gone'" in (
        caught.value.message
    )
    assert "correct the default, or give a value: -P x=" in caught.value.hint


def test_an_artifact_of_a_run_is_a_path(store: Store) -> None:
    run = write_run(store, "abc", files={"artifacts/model/MLmodel": "x"})

    values = resolve({"p": "runs:/@/model"}, Parameter("p", "path"))

    assert values.declared == {"p": str(run.folder / "artifacts" / "model")}
    assert values.plain == {"p": "runs:/abc/model"}
    with pytest.raises(ProjectError, match="no such file"):
        resolve({"p": "runs:/abc/gone"}, Parameter("p", "path"))


def test_a_registered_model_is_a_path_and_its_number_is_recorded(store: Store) -> None:
    run = write_run(store, "abc", files={"artifacts/model/MLmodel": "x"})
    registry = Registry(store)
    files = digest.of_folder(run.folder / "artifacts" / "model")
    registry.register("wine", run_id="abc", path="model", digest=files)
    registry.set_alias("wine", "best", 1)

    values = resolve({"p": "models:/wine@best"}, Parameter("p", "path"))

    assert values.declared == {"p": str(run.folder / "artifacts" / "model")}
    assert values.plain == {"p": "models:/wine/1"}
    with pytest.raises(NotFoundError, match="no version 7"):
        resolve({"p": "models:/wine/7"}, Parameter("p", "path"))
