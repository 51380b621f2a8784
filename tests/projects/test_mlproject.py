"""The MLproject file: what it may say, and how its mistakes are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gittrack.errors import ProjectError
from gittrack.projects import mlproject

if TYPE_CHECKING:
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
        (
            "entry_points: {main: {command: a, parameters: {x: number}}}",
            "'x' of entry point 'main'",
        ),
        ("entry_points: {main: {command: a, parameters: {x: number}}}", "unknown type 'number'"),
        ("entry_points: {main: {parameters: {}}}", "entry_points.main: 'command' is a required"),
        ("entry_points: {main: {command: [a, b]}}", "entry_points.main.command"),
        ("entry_points: {main: {command: a, parameters: [x]}}", "entry_points.main.parameters"),
        ("entry_points: [main]", "entry_points"),
        ("- a\n- b\n", "is not of type 'object'"),
        ("", "is not of type 'object'"),
        ("name: x\nname: y\n", "MLproject:2: the key 'name' stands there twice"),
        ("name: x\n  y: [\n", "MLproject:2:4: not valid YAML"),
        ("name: !!python/object/apply:os.system [ls]\n", "MLproject:1:7: not valid YAML"),
        ("conda_env: a.yaml\npython_env: b.yaml\n", "several environments: conda_env, python_env"),
        ("conda_env: gone.yaml\n", "conda_env names 'gone.yaml', which is not there"),
        ("docker_env: {volumes: []}\n", "docker_env: 'image' is a required"),
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


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    (tmp_path / "MLproject").write_bytes(b"name: \xff\xfe\n")

    with pytest.raises(ProjectError, match="not UTF-8"):
        mlproject.load(tmp_path)
