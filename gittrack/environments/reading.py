"""What an environment is made of: python_env.yaml, conda.yaml, requirements.txt, all checked.

python: "3.11"
build_dependencies: [pip, setuptools]
dependencies: ["-r requirements.txt", scikit-learn==1.5.2]
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gittrack import files, settings, yamlfile
from gittrack.errors import ProjectError

if TYPE_CHECKING:
    from pathlib import Path

    from gittrack.environments.base import Environment

MAX_BYTES = 1024 * 1024

_DEEPEST = 10
_OPTION = re.compile(r"(-r|--requirement|-c|--constraint|-e|--editable)(?:\s+|=|(?<=-[rce]))(.+)")
_PYTHON = re.compile(r"python\s*(?:={1,2})?\s*(\d+(?:\.\d+)*)(?:\.\*)?(?:=\S*)?")
_VERSION = re.compile(r"(?:={1,2})?\s*(\d+(?:\.\d+){0,2})(?:\.\*)?")
_PIP_ONLY = ("python", "pip", "setuptools", "wheel")
_CONTROL = re.compile(r"[\0-\x1f\x7f]")


@dataclass(frozen=True)
class Spec:
    """What an environment is made of.

    Attributes:
        python: the version that is asked for, such as `3.11` or `3.8.13`; "" for any.
        build: requirements of pip that are installed first.
        pip: lines of a requirements file, paths made absolute, other files taken in.
        channels: conda's.
        conda: conda's packages.
        contents: digests of files and folders that the lines refer to.
    """

    python: str = ""
    build: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    conda: tuple[str, ...] = ()
    contents: tuple[str, ...] = ()

    @property
    def only_conda(self) -> tuple[str, ...]:
        """The packages that only conda can install."""
        return tuple(item for item in self.conda if name_of(item) not in _PIP_ONLY)


def name_of(package: str) -> str:
    """Return the name of a package of conda, without channel and version."""
    return re.split(r"[\s<>=!~\[]", package.rpartition("::")[2])[0].lower()


def read(environment: Environment | None) -> Spec:
    """Return what an environment is made of.

    Raises:
        ProjectError: its file, or one that it names, is wrong or lies outside the project.
    """
    if environment is None or environment.file is None:
        return Spec(pip=environment.extra if environment else ())
    file = environment.file
    lines = _Lines(_root(file))
    data = {"dependencies": [f"-r {file.name}"]} if file.suffix == ".txt" else _yaml(file, lines)
    is_conda = environment.kind == "conda_env" or "channels" in data
    spec = _conda(data, file) if is_conda else _python(data, file)
    pip = [taken for line in spec.pip for taken in lines.taken(line, file)]
    if environment.constraints is not None:
        pip += [f"-c {environment.constraints}"]
        lines.contents.append(_digest(environment.constraints))
    return Spec(
        spec.python,
        spec.build,
        (*pip, *environment.extra),
        spec.channels,
        spec.conda,
        tuple(lines.contents),
    )


def _python(data: Mapping[str, Any], file: Path) -> Spec:
    wanted = str(data.get("python") or "")
    wanted = "3.10" if wanted == "3.1" else wanted  # what YAML makes of 3.10
    match = _VERSION.fullmatch(wanted)
    if wanted and match is None:
        raise ProjectError(
            f"{file.name}: python {wanted!r} is no version", hint='write it as python: "3.11"'
        )
    return Spec(
        match[1] if match else "",
        _texts(data, "build_dependencies", file),
        _texts(data, "dependencies", file),
    )


def _conda(data: Mapping[str, Any], file: Path) -> Spec:
    given = data.get("dependencies") or []
    if not isinstance(given, list):
        raise ProjectError(f"{file.name}: dependencies is no list", hint="write it as a list")
    packages = [str(item).strip() for item in given if not isinstance(item, Mapping)]
    pip = [
        text for item in given if isinstance(item, Mapping) for text in _texts(item, "pip", file)
    ]
    for text in packages:
        _check_line(text, file)
    versions = [match[1] for text in packages if (match := _PYTHON.fullmatch(text))]
    return Spec(
        versions[0] if versions else "",
        pip=tuple(pip),
        channels=_texts(data, "channels", file),
        conda=tuple(packages),
    )


def _yaml(file: Path, lines: _Lines) -> Mapping[str, Any]:
    try:
        data = yamlfile.load(lines.read(file, file.name))
    except ValueError as error:
        raise ProjectError(f"{file.name}: {error}", hint="correct it at that place") from None
    if data is None:
        return {}
    if not isinstance(data, Mapping):
        raise ProjectError(f"{file.name} holds no map", hint='write it as python: "3.11"')
    return data


def _texts(data: Mapping[str, Any], key: str, file: Path) -> tuple[str, ...]:
    value = data.get(key) or []
    if not isinstance(value, list) or any(isinstance(item, (list, Mapping)) for item in value):
        raise ProjectError(
            f"{file.name}: {key} is not a list of texts", hint=f"write it as {key}: [NAME, NAME]"
        )
    texts = tuple(str(item).strip() for item in value)
    for text in texts:
        _check_line(text, file)
    return texts


def _check_line(text: str, file: Path) -> None:
    if _CONTROL.search(text):
        raise ProjectError(
            f"{file.name}: {text!r:.80} holds a line break or control character",
            hint="write one package in each entry",
        )


class _Lines:
    """Takes in the lines of requirements, and of the files that they name below `root`."""

    def __init__(self, root: Path) -> None:
        self.contents: list[str] = []
        self._root = root

    def read(self, file: Path, name: str) -> bytes:
        if not file.resolve().is_relative_to(self._root):
            raise ProjectError(
                f"{name} leads out of the project", hint=f"put it into a folder of {self._root}"
            )
        try:
            return files.read_bytes(file.resolve(), most=MAX_BYTES)
        except OSError as error:
            raise ProjectError(
                f"cannot read {name}: {error.strerror}",
                hint="check the name, and that it is a file",
            ) from None

    def taken(self, line: str, file: Path, depth: int = 0) -> Iterator[str]:
        """Yield what pip is given for a line that stands in a file."""
        option = _OPTION.fullmatch(line)
        name = (option[2] if option else line).strip().strip("\"'")
        path = file.parent / re.sub(r"\[[\w,\s-]*\]$", "", name)
        if option is None:
            yield self._local(path, name) if line[0] in "./" and path.exists() else line
        elif option[1] in ("-e", "--editable"):
            # What is kept for many runs is no link to one folder; its content makes the key.
            yield self._local(path, name) if path.exists() else line
        elif option[1] in ("-c", "--constraint"):
            self.contents.append(hashlib.sha256(self.read(path, name)).hexdigest())
            yield f"-c {path.resolve()}"
        elif depth > _DEEPEST:
            raise ProjectError(f"{name} names files that name each other", hint="cut the circle")
        else:
            text = self.read(path, name).decode("utf-8-sig", errors="replace")
            for inner in re.sub(r"\\\n", " ", text).splitlines():
                if bare := re.sub(r"(^|\s)#.*", "", inner).strip():
                    _check_line(bare, path)
                    yield from self.taken(bare, path, depth + 1)

    def _local(self, path: Path, line: str) -> str:
        self.contents.append(_digest(path))
        return f"{path.resolve()}{line[len(line.partition('[')[0]) :]}"


def _digest(path: Path) -> str:
    summed = hashlib.sha256()
    hidden = (".git", "mlruns", "__pycache__", ".venv")
    found = files.walk(path) if path.is_dir() else iter([path])
    for file in found:
        inside = file.relative_to(path)
        if not set(inside.parts) & set(hidden):
            summed.update(str(inside).encode(errors="surrogateescape") + b"\0")
            if file.is_file():
                summed.update(hashlib.sha256(file.read_bytes()).digest())
    return summed.hexdigest()


def _root(file: Path) -> Path:
    folder = file.parent.resolve()
    return (settings.git_root(folder) or folder).resolve()
