"""Running a task in an environment of this machine, gittrack lent to it.

The writing path of gittrack needs only the standard library, so that one entry of PYTHONPATH, a
folder with nothing else in it, makes it importable in any environment.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from contextlib import suppress
from pathlib import Path

from gittrack import settings
from gittrack.environments.base import Built, Launch, Task

OLDEST = (3, 10)
PACKAGE = Path(__file__).resolve().parents[1]
MLFLOW = "mlflow.py"
BESIDE = "gittrack-beside"
# The module that stands in for mlflow.
STAND_IN = PACKAGE / "standin" / "importable" / MLFLOW

# What models are written with; both run on any Python without being compiled.
_PURE = ("yaml", "cloudpickle")
_NAMED_BY_CALLER = ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_ID")


def launch(built: Built, task: Task) -> Launch:
    """Return the process that runs a task in an environment of this machine."""
    lends, stands_in, notes = lending(built, as_mlflow=task.as_mlflow)
    inherited = settings.child_environment({})
    own = {"PYTHONUNBUFFERED": inherited.get("PYTHONUNBUFFERED") or "1"}
    if lends:
        entries = [str(lent_folder(stands_in=stands_in)), inherited.get("PYTHONPATH", "")]
        own["PYTHONPATH"] = os.pathsep.join(filter(None, entries))
    return Launch(
        command=(built.shell, "-c", task.script),
        cwd=task.folder,
        variables={**built.variables, **own, **task.variables},
        without=_NAMED_BY_CALLER,
        notes=notes,
    )


def lending(built: Built, *, as_mlflow: bool | None) -> tuple[bool, bool, tuple[str, ...]]:
    """Tell whether gittrack is lent to an environment, whether as mlflow too, and what to say."""
    if not built.version:
        return False, False, ("there is no Python in it that gittrack could be lent to",)
    if built.version[:2] < OLDEST:
        version = ".".join(map(str, built.version))
        note = (
            f"its Python {version} is older than 3.10: gittrack cannot be imported in it, and only "
            "params, output and end are recorded"
        )
        return False, False, (note,)
    if as_mlflow is None and built.has_mlflow:
        note = "its own mlflow is used, which logs elsewhere; --as-mlflow records in this run"
        return True, False, (note,)
    return True, as_mlflow is not False, ()


def lent_files(*, stands_in: bool) -> dict[str, Path]:
    """Return what is lent, by its place in the folder that is lent.

    What lies in its folder `BESIDE` is imported only where the environment has none of its own.
    """
    files = {PACKAGE.name: PACKAGE, **({MLFLOW: STAND_IN} if stands_in else {})}
    for name in _PURE:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations:
            files[f"{BESIDE}/{name}"] = Path(spec.submodule_search_locations[0])
    return files


def lent_folder(*, stands_in: bool) -> Path:
    """Return a folder that holds gittrack alone, and the module `mlflow` where it stands in."""
    digest = hashlib.sha256(str(PACKAGE).encode(errors="surrogateescape")).hexdigest()[:16]
    folder = settings.cache_folder() / "lent" / (digest + ("-mlflow" if stands_in else ""))
    try:
        (folder / BESIDE).mkdir(parents=True, exist_ok=True)
        for name, target in lent_files(stands_in=stands_in).items():
            with suppress(FileExistsError):
                (folder / name).symlink_to(target)
    except OSError:  # no cache, or no links: all that is beside the package is lent too
        return STAND_IN.parent if stands_in else PACKAGE.parent
    return folder
