"""The MLproject file: what it may say, and how its mistakes are told."""

from __future__ import annotations

import ast
import os
import shlex
from typing import TYPE_CHECKING

import pytest

from gittrack.errors import ProjectError
from gittrack.projects import mlproject
from gittrack.projects.place import Place

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def write(folder: Path, text: str, name: str = "MLproject") -> Path:
    (folder / name).write_text(text)
    return folder


def test_names_environment_parameters_and_commands_are_read(tmp_path: Path) -> None:
    (tmp_path / "conda.yaml").write_text("name: x\n")
    project = mlproject.load(
        write(
            tmp_path,
            "name: My Project\n"
            "conda_env: conda.yaml\n"
            "entry_points:\n"
            "  main:\n"
            "    parameters:\n"
            "      data_file: path\n"
            "      regularization: {type: float, default: 0.1}\n"
            "      title: {default: none of them}\n"
            "    command: python train.py -r {regularization} {data_file}\n",
        )
    )

    assert project.name == "My Project"
    assert project.environment is not None
    assert str(project.environment) == "conda.yaml"
    parameters = project.entry_point("main").parameters
    assert parameters["data_file"] == mlproject.Parameter("data_file", "path")
    assert parameters["regularization"] == mlproject.Parameter("regularization", "float", "0.1")
    assert parameters["title"] == mlproject.Parameter("title", "string", "none of them")


@pytest.mark.parametrize("name", ["MLproject", "mlproject", "MLPROJECT"])
def test_the_case_of_the_file_name_does_not_matter(tmp_path: Path, name: str) -> None:
    write(tmp_path, "name: found\n", name)

    assert mlproject.load(tmp_path).name == "found"


def test_a_folder_without_an_mlproject_has_its_scripts(tmp_path: Path) -> None:
    (tmp_path / "train model.py").write_text("")
    (tmp_path / "go.sh").write_text("")

    project = mlproject.load(tmp_path)

    assert project.entry_point("train model.py").command == "python 'train model.py'"
    assert project.entry_point("go.sh").command.endswith(" go.sh")


def test_a_script_whose_name_looks_like_an_option_is_still_a_script(tmp_path: Path) -> None:
    (tmp_path / "-c.py").write_text("")

    assert mlproject.load(tmp_path).entry_point("-c.py").command == "python ./-c.py"


@pytest.mark.parametrize("name", ["train.R", 'it\'s \\ "$(touch hacked)".R', "-e.R"])
def test_a_script_in_r_is_given_to_mlflows_function_for_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")

    command = mlproject.load(tmp_path).entry_point(name).command

    program, option, call, end = shlex.split(command)
    assert (program, option, end) == ("Rscript", "-e", "--args")
    text = call.removeprefix("mlflow::mlflow_source(").removesuffix(")")
    assert ast.literal_eval(text) == name.replace("-e", "./-e")  # R quotes texts as Python does


def test_an_unknown_key_is_no_mistake(tmp_path: Path) -> None:
    assert mlproject.load(write(tmp_path, "name: x\nflavour: {a: 1}\n")).name == "x"


def test_what_stands_under_docker_env_is_kept(tmp_path: Path) -> None:
    project = mlproject.load(
        write(tmp_path, 'docker_env: {image: python:3.12, environment: [HOME, [A, "1"]]}\n')
    )

    assert project.environment is not None
    assert project.environment.settings["image"] == "python:3.12"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("entry_points: {main: {parameters: {}}}", "MLproject: entry point 'main' has no command"),
        ("entry_points: {main: python x.py}", "entry point 'main' is 'python x.py', not a map"),
        ("entry_points: {main: }", "entry point 'main' is empty"),
        ("entry_points: {main: {command: [a, b]}}", "'main': command is a list, not a text"),
        ("entry_points: {main: {command: ' '}}", "entry point 'main': command is empty"),
        (
            "entry_points: {main: {command: a, parameters: [x]}}",
            "entry point 'main': parameters is a list, not a map",
        ),
        (
            "entry_points: {main: {command: a, parameters: {x: 1}}}",
            "entry point 'main': parameter 'x' is 1, not a text or a map",
        ),
        ("entry_points: [main]", "entry_points is a list, not a map"),
        ("- a\n- b\n", "MLproject: is a list, not a map"),
        ("", "MLproject: is empty"),
        ("name: x\nname: y\n", "MLproject:2: the key 'name' stands there twice"),
        ("name: x\n  y: [\n", "MLproject:2:4: not valid YAML"),
        ("name: !!python/object/apply:os.system [ls]\n", "MLproject:1:7: not valid YAML"),
        ("conda_env: a.yaml\npython_env: b.yaml\n", "several environments: conda_env, python_env"),
        ("conda_env: gone.yaml\n", "conda_env names 'gone.yaml', which is not there"),
        ("docker_env: {volumes: []}\n", "docker_env has no image"),
        ("{a: 1}: x\n", "MLproject:1: a key is not a plain word"),
    ],
)
def test_a_mistake_is_told_with_its_file_and_place(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ProjectError) as caught:
        mlproject.load(write(tmp_path, text))

    assert words in caught.value.message
    assert str(tmp_path / "MLproject") in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(
            ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
            + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
        ),
        "a: &a [*a]\n",
        "a: &a {b: *a}\n",
        "a: " + "[" * 900 + "]" * 900 + "\n",
        "- " * 20_000 + "\n",
        "\n".join(
            ["a0: &a0 " + "[" * 40 + "]" * 40]
            + [f"a{n}: &a{n} {'[' * 40}*a{n - 1}{']' * 40}" for n in range(1, 400)]
        ),
        "a: '" + "x" * 5_000_000 + "'\n",
    ],
    ids=["laughs", "list in itself", "map in itself", "deep", "deeper", "deep by aliases", "large"],
)
def test_a_file_made_to_eat_memory_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ProjectError):
        mlproject.load(write(tmp_path, text))


def test_aliases_in_reason_are_fine(tmp_path: Path) -> None:
    project = mlproject.load(
        write(
            tmp_path,
            "shared: &shared {alpha: float, beta: {type: float, default: 1}}\n"
            "entry_points:\n"
            "  a: {command: 'echo {alpha}', parameters: *shared}\n"
            "  b: {command: 'echo {gamma}', parameters: {<<: *shared, gamma: int}}\n",
        )
    )

    assert list(project.entry_points["a"].parameters) == ["alpha", "beta"]
    assert set(project.entry_points["b"].parameters) == {"alpha", "beta", "gamma"}


@pytest.mark.parametrize(
    "name", ["nothing", "gone.py", "../outside.py", "/etc/passwd.py", "link.py"]
)
def test_an_entry_point_must_be_declared_or_lie_in_the_project(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (tmp_path / "outside.py").write_text("")
    (folder / "link.py").symlink_to(tmp_path / "outside.py")

    with pytest.raises(ProjectError) as caught:
        mlproject.load(write(folder, "entry_points: {main: {command: a}}\n")).entry_point(name)

    assert repr(name) in caught.value.message


@pytest.mark.parametrize("kind", ["link", "link to a device", "pipe", "folder"])
def test_only_a_plain_file_is_read(tmp_path: Path, kind: str) -> None:
    secret = write(tmp_path, "hunter22: [", "secret") / "secret"
    path = tmp_path / "MLproject"
    make: dict[str, Callable[[], None]] = {
        "link": lambda: path.symlink_to(secret),
        "link to a device": lambda: path.symlink_to("/dev/zero"),
        "pipe": lambda: os.mkfifo(path),
        "folder": path.mkdir,
    }
    make[kind]()

    with pytest.raises(ProjectError, match=f"cannot read {path}: is ") as caught:
        mlproject.load(tmp_path)

    assert "hunter22" not in str(caught.value)


def test_no_more_of_a_file_is_read_than_could_be_a_project(tmp_path: Path) -> None:
    with (tmp_path / "MLproject").open("wb") as file:
        file.truncate(1 << 40)

    with pytest.raises(ProjectError, match="larger than"):
        mlproject.load(tmp_path)


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    (tmp_path / "MLproject").write_bytes(b"name: \xff\xfe\n")

    with pytest.raises(ProjectError, match="not UTF-8"):
        mlproject.load(tmp_path)


def test_what_mends_the_structure_is_shown(tmp_path: Path) -> None:
    with pytest.raises(ProjectError) as caught:
        mlproject.load(write(tmp_path, "entry_points: {train: {parameters: {}}}"))

    assert caught.value.hint == ('write "train:", and indented below it "command: python train.py"')


def test_an_unknown_type_stops_the_entry_point_that_has_it_and_no_other(tmp_path: Path) -> None:
    project = mlproject.load(
        write(
            tmp_path,
            "entry_points:\n  good: {command: a}\n  bad: {command: a, parameters: {x: number}}\n",
        )
    )

    assert project.entry_point("good").command == "a"
    with pytest.raises(
        ProjectError, match="entry point 'bad': parameter 'x' has the unknown type 'number'"
    ):
        project.entry_point("bad")


def test_where_there_is_no_mlproject_the_folders_that_have_one_are_named(tmp_path: Path) -> None:
    for name in ("a b", "deep/er", ".hidden", "empty"):
        (tmp_path / name).mkdir(parents=True)
        if name != "empty":
            write(tmp_path / name, "name: x\n")

    with pytest.raises(ProjectError) as here:
        mlproject.load(tmp_path).entry_point("main")
    place = Place(url="https://example.org/a.git", revision="v1")
    with pytest.raises(ProjectError) as cloned:
        mlproject.load(tmp_path, place).entry_point("main")

    assert here.value.message == f"there is no MLproject in {tmp_path}"
    assert f"gittrack run '{tmp_path}/a b', gittrack run {tmp_path}/deep/er" in here.value.hint
    assert "hidden" not in here.value.hint
    assert cloned.value.message == "there is no MLproject in https://example.org/a.git at v1"
    assert "gittrack run 'https://example.org/a.git#a b'" in cloned.value.hint
    assert "'https://example.org/a.git#deep/er'" in cloned.value.hint


def test_messages_name_a_clone_by_its_repository(tmp_path: Path) -> None:
    place = Place("sub", "https://example.org/a.git", "v1")

    with pytest.raises(ProjectError) as caught:
        mlproject.load(write(tmp_path, "entry_points: {main: {}}\n"), place)

    assert caught.value.message == (
        "sub/MLproject of https://example.org/a.git at v1: entry point 'main' has no command"
    )
