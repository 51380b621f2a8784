"""Containers: the project's folder, the store and gittrack mounted, the files made the caller's."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gittrack import containers, files, settings
from gittrack.containers import Mount
from gittrack.environments import entering
from gittrack.environments.base import Built, Environment, Launch, Reporter, Task
from gittrack.errors import ProjectError, ToolError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAME = "docker"
# Where MLflow has the code of an image that was built with it.
CODE = "/mlflow/projects/code"
LENT = "/gittrack/lent"

_FACTS = 2  # the form of what is kept of an image
_PROBE = """\
command -v bash >/dev/null && echo bash || echo sh
for python in python python3; do command -v $python >/dev/null && exec $python -c '
import os, sys
names = [name for entry in sys.path if os.path.isdir(entry) for name in os.listdir(entry)]
print(sys.argv[1], *sys.version_info[:3])
print(int("mlflow" in names))
print("\\n".join(name[:-10] for name in names if name.endswith(".dist-info")))' $python; done"""
_OPTION = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def describe(environment: Environment | None) -> str:
    """Return in words which image it is, and whether it is here."""
    image = _image(environment)
    return f"the image {image}, {'on this machine' if containers.find_image(image) else 'to pull'}"


def prepare(environment: Environment | None, *, to: Reporter) -> Built:
    """Return the image of a docker_env, pulled where it is not here.

    Raises:
        ProjectError: the project names none.
        NotFoundError: there is no such image.
        ToolError: no engine answers.
    """
    image = _image(environment)
    facts = _facts(containers.ensure_image(image, say=to.say))
    return Built(
        manager=NAME,
        python=facts["python"],
        version=tuple(facts["version"]),
        installed=facts["installed"].encode(),
        has_mlflow=facts["has_mlflow"],
        image=image,
        shell=facts["shell"],
        settings=environment.settings if environment is not None else {},
    )


def launch(built: Built, task: Task) -> Launch:
    """Return the process that runs the task in a container, which it follows to its end.

    Raises:
        ProjectError: volumes or environment of the docker_env are wrong.
        UsageError: an option of `docker run` is none.
        ToolError: the image with the project's code cannot be built.
    """
    program = settings.find_program("docker")
    if program is None:
        raise ToolError("the program docker is not on PATH", hint="install Docker's command line")
    lends, stands_in, notes = entering.lending(built, as_mlflow=task.as_mlflow)
    variables = {
        "HOME": "/tmp",  # noqa: S108 - the container's
        "PYTHONUNBUFFERED": "1",
        **_environment(built.settings),
        **task.variables,
    }
    mounts = [Mount(path) for path in _without_inner(task.reaches)]
    image, folder = built.image, str(task.folder)
    if task.build_image:
        image, folder = _with_code(built, task.folder), CODE
    else:
        mounts = [Mount(path) for path in _without_inner([task.folder, *task.reaches])]
    if lends:
        for inside, path in entering.lent_files(stands_in=stands_in).items():
            mounts.append(Mount(path, f"{LENT}/{inside}", read_only=True))
        variables["PYTHONPATH"] = LENT
    volumes = _volumes(built.settings, task.folder)
    name = f"gittrack-{task.variables.get(settings.RUN_ID, os.getpid())}"
    command = [program, "run", "--rm", "--init", "--pull=never", "--name", name]
    command += ["--workdir", folder]
    if hasattr(os, "getuid"):
        command += ["--user", f"{os.getuid()}:{os.getgid()}"]
    for text in [*map(str, mounts), *volumes]:
        command += ["--volume", text]
    for variable in variables:  # whose value is in our environment, and in no list of processes
        command += ["--env", variable]
    command += [*_options(task.docker_args), image, built.shell, "-c", task.script]
    outside = [text for text in volumes if not text.startswith(f"{task.folder}/")]
    if outside:
        notes = (*notes, f"the project mounts {', '.join(outside)}")
    return Launch(
        command=tuple(command), cwd=task.folder, variables=variables, container=name, notes=notes
    )


def _image(environment: Environment | None) -> str:
    """Return the image of a docker_env, whose other settings are right too."""
    if environment is None or environment.kind != "docker_env":
        raise ProjectError(
            "the project names no image", hint="give its MLproject a docker_env: {image: NAME}"
        )
    image = str(environment.settings["image"])
    if not containers.is_image_name(image):
        raise ProjectError(f"{image!r} is no name of an image", hint="such as python:3.12")
    _environment(environment.settings)
    _volumes(environment.settings, Path())
    return image


def _facts(image_id: str) -> dict[str, Any]:
    """Return what is known of an image; looked at once."""
    path = settings.cache_folder() / "images" / f"{image_id.rpartition(':')[2]}.json"
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
        if found.get("format") == _FACTS:
            return found
    except (OSError, ValueError):
        pass
    code, said = containers.output_of(image_id, ["sh", "-c", _PROBE], network_mode="none")
    lines = said.splitlines()
    python = lines[1].split() if not code and len(lines) > 1 else [""]
    facts = {
        "format": _FACTS,
        "shell": lines[0] if lines and lines[0] in ("bash", "sh") else "sh",
        "python": python[0],
        "version": [int(part) for part in python[1:]],
        "has_mlflow": lines[2:3] == ["1"],
        "installed": _requirements(lines[3:]),
    }
    files.make_folder(path.parent)
    files.write_atomic(path, json.dumps(facts).encode())
    return facts


def _requirements(names: Sequence[str]) -> str:
    split = [name.partition("-") for name in names if "-" in name]
    found = {name.replace("_", "-").lower(): version for name, _, version in split}
    return "".join(f"{name}=={found[name]}\n" for name in sorted(found))


def _environment(given_settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that the project sets or copies from the caller."""
    given: dict[str, str] = {}
    missing: list[str] = []
    caller = settings.child_environment({})
    for item in given_settings.get("environment") or ():
        name, value = (item, caller.get(item)) if isinstance(item, str) else (item[0], item[1])
        if not _VARIABLE.fullmatch(name):
            raise ProjectError(
                f"docker_env: {name!r} is no name of a variable", hint="write NAME or [NAME, VALUE]"
            )
        if value is None:
            missing.append(name)
        else:
            given[name] = value
    if missing:
        raise ProjectError(
            f"docker_env copies variables that are not set: {', '.join(missing)}",
            hint=f"export {missing[0]}=VALUE first",
        )
    return given


def _volumes(given_settings: Mapping[str, Any], folder: Path) -> list[str]:
    found = []
    for text in given_settings.get("volumes") or ():
        source, colon, target = text.partition(":")
        if not colon or not target.startswith("/") or not source or source.startswith("-"):
            raise ProjectError(
                f"docker_env: {text!r} is no volume", hint="write it as FOLDER:/FOLDER or with :ro"
            )
        is_name = "/" not in source and source not in (".", "..")
        found.append(text if is_name else f"{(folder / source).resolve()}:{target}")
    return found


def _options(given: Mapping[str, str | bool]) -> list[str]:
    options: list[str] = []
    for name, value in given.items():
        if not _OPTION.fullmatch(name):
            raise UsageError(
                f"{name!r} is no option of docker run", hint="write it as --docker-args gpus=all"
            )
        option = f"-{name}" if len(name) == 1 else f"--{name}"
        flag = value is True
        if len(name) == 1:
            options += [option] if flag else [option, str(value)]
        else:
            options.append(option if flag else f"{option}={value}")
    return options


def _without_inner(wanted: Sequence[Path]) -> list[Path]:
    """Return the paths less those inside another, each once."""
    kept: list[Path] = []
    for path in sorted({path.absolute() for path in wanted}):
        if path.exists() and not any(path.is_relative_to(other) for other in kept):
            kept.append(path)
    return kept


def _with_code(built: Built, folder: Path) -> str:
    """Build an image with the project's code, and return its name."""
    tag = f"gittrack-code:{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
    with tempfile.TemporaryDirectory(prefix="gittrack-") as scratch:
        context = Path(scratch)
        _copy(folder, context / "code")
        text = f"FROM {built.image}\nCOPY code {CODE}\nWORKDIR {CODE}\n"
        (context / "Dockerfile").write_text(text)
        return containers.build(context, tag=tag)


def _copy(folder: Path, into: Path) -> None:
    import shutil

    hidden = shutil.ignore_patterns(".git", "mlruns", "__pycache__", ".venv")
    shutil.copytree(folder, into, ignore=hidden, symlinks=True)
