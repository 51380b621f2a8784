"""What an environment is made of, as its files say, and what they may not say."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrack.environments import reading
from gittrack.environments.base import Environment
from gittrack.environments.reading import Spec, read
from gittrack.errors import ProjectError

if TYPE_CHECKING:
    from pathlib import Path

Named = "Callable[..., Environment]"


def test_nothing_named_is_an_empty_environment() -> None:
    assert read(None) == Spec()


def test_a_python_env_takes_in_the_requirements_that_it_names(named: Named) -> None:
    environment = named(
        python_env_yaml="python: 3.10\n"  # which YAML reads as 3.1
        'build_dependencies: [pip, "setuptools<81"]\ndependencies: ["-r r.txt", "c==3"]\n',
        r_txt="# a comment\na==1 # why\nb[x]>=2 ; python_version < '4'\n"
        "long \\\n  ==4\n-rmore.txt\n",
        more_txt="--index-url https://example.org/simple\nurl @ https://example.org/a#egg=b\n",
    )

    assert read(environment) == Spec(
        python="3.10",
        build=("pip", "setuptools<81"),
        pip=(
            "a==1",
            "b[x]>=2 ; python_version < '4'",
            "long    ==4",
            "--index-url https://example.org/simple",
            "url @ https://example.org/a#egg=b",
            "c==3",
        ),
    )


def test_a_requirements_file_is_an_environment_of_its_own(named: Named) -> None:
    assert read(named(requirements_txt="a\n\nb")) == Spec(pip=("a", "b"))


def test_a_conda_file_has_packages_of_both_kinds(named: Named) -> None:
    environment = named(
        "conda_env",
        conda_yaml="name: x\nchannels: [conda-forge]\ndependencies:\n"
        "- python=3.9\n- conda-forge::libgomp>=1\n- pip<=23\n- pip: [a==1, b]\n",
    )

    spec = read(environment)

    assert (spec.python, spec.channels, spec.pip) == ("3.9", ("conda-forge",), ("a==1", "b"))
    assert spec.conda == ("python=3.9", "conda-forge::libgomp>=1", "pip<=23")
    assert spec.only_conda == ("conda-forge::libgomp>=1",)


@pytest.mark.parametrize(
    ("text", "version"),
    [("python=3.9", "3.9"), ("python==3.9.18", "3.9.18"), ("python 3.10.*", "3.10"),
     ("python=3.9=h123_0", "3.9"), ("python", ""), ("python>=3.8,<4", "")],
)  # fmt: skip
def test_the_python_of_a_conda_file_is_understood(named: Named, text: str, version: str) -> None:
    environment = named("conda_env", conda_yaml=f"dependencies: ['{text}']")

    assert read(environment).python == version


def test_folders_and_constraints_count_by_their_content(named: Named, isolated: Path) -> None:
    (isolated / "package").mkdir()
    code = isolated / "package" / "code.py"
    code.write_text("x = 1")
    environment = named(requirements_txt="-e ./package[extra]\n-c limits.txt\n", limits_txt="a<2\n")

    first = read(environment)
    code.write_text("x = 2")
    second = read(environment)
    (isolated / "limits.txt").write_text("a<3\n")
    third = read(environment)

    assert first.pip == (f"{isolated}/package[extra]", f"-c {isolated}/limits.txt")
    assert first.pip == second.pip == third.pip
    assert len({first.contents, second.contents, third.contents}) == 3


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdef", "bcdefg", strict=True)
)
BROKEN = {
    "no map": ("python_env", "- a", "holds no map"),
    "no yaml": ("python_env", "a: [", "not valid YAML"),
    "a bomb": ("python_env", BOMB, "grows beyond"),
    "no list": ("python_env", "dependencies: a", "not a list of texts"),
    "no texts": ("python_env", "dependencies: [{a: 1}]", "not a list of texts"),
    "no version": ("python_env", "python: three; rm -rf ~", "is no version"),
    "a second line": ("python_env", 'dependencies: ["a\\n--index-url http://evil"]', "line break"),
    "an option of a tool": ("conda_env", 'dependencies: ["a\\0b"]', "control character"),
    "another file above": ("python_env", 'dependencies: ["-r ../../secret.txt"]', "leads out of"),
    "an absolute file": ("python_env", 'dependencies: ["-r /etc/passwd"]', "leads out of"),
    "limits above": ("python_env", 'dependencies: ["-c /etc/passwd"]', "leads out of"),
    "a file that is not there": ("python_env", 'dependencies: ["-r gone.txt"]', "cannot read gone"),
    "a circle": ("python_env", 'dependencies: ["-r circle.txt"]', "name each other"),
    "a link that leads out": ("python_env", 'dependencies: ["-r link.txt"]', "leads out of"),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "words"), BROKEN.values(), ids=BROKEN)
def test_what_is_wrong_is_said(
    named: Named, isolated: Path, kind: str, text: str, words: str
) -> None:
    (isolated / "circle.txt").write_text("-r circle.txt\n")
    (isolated / "link.txt").symlink_to("/etc/passwd")
    environment = named(kind, env_yaml=text)

    with pytest.raises(ProjectError, match=words) as error:
        read(environment)

    assert error.value.hint


def test_a_link_in_the_place_of_the_file_may_not_lead_out(isolated: Path) -> None:
    (isolated / "env.yaml").symlink_to("/etc/hostname")

    with pytest.raises(ProjectError, match="leads out of the project"):
        read(Environment("python_env", isolated / "env.yaml"))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_in_words(tmp_path_factory, data: bytes) -> None:
    file = tmp_path_factory.mktemp("any") / "python_env.yaml"
    file.write_bytes(data)

    with suppress(ProjectError):
        assert isinstance(read(Environment("python_env", file)), Spec)


def test_a_conda_package_is_named_without_channel_and_version() -> None:
    names = ["numpy", "numpy=1.2", "conda-forge::Numpy>=1", "numpy[version='1']", "numpy 1.*"]
    assert {reading.name_of(name) for name in names} == {"numpy"}
