"""Changes that a page may ask for: each adds an edit beside the run and rewrites nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gittrack.errors import UsageError
from gittrack.runs import edits
from gittrack.runs.edits import Edit
from gittrack.tracking import registering
from gittrack.tracking.validation import check_key, check_length

if TYPE_CHECKING:
    from gittrack.runs.reading import StoredRun
    from gittrack.ui.source import Runs


def apply(asked: object, runs: Runs) -> str:
    """Make the change that a page asks for, and say what was done.

    Args:
        asked: `{"runs": [ID, …]}` and one of `name`, `note`, `tags`, `deleted`, or
            `register`, which has the `name` and the `path` of a model.

    Raises:
        UsageError: it is no such change.
        NotFoundError: there is no such run.
        StoreError: it cannot be written.
    """
    if not isinstance(asked, Mapping) or not isinstance(asked.get("runs"), list):
        raise UsageError("an edit names its runs")
    chosen = [runs.find(str(run_id)) for run_id in asked["runs"]]
    if not chosen:
        raise UsageError("an edit names its runs")
    if "register" in asked:
        return _register(asked["register"], chosen, runs)
    for run in chosen:
        edits.write(run.folder, _edit(asked, run))
    return f"{len(chosen)} run{'s' * (len(chosen) != 1)} changed"


def _register(asked: object, chosen: list[StoredRun], runs: Runs) -> str:
    """Register a model of a run as the next version of a name."""
    if not isinstance(asked, Mapping) or len(chosen) != 1:
        raise UsageError("a model is registered by its run, path and name")
    name, path = (asked.get(key) for key in ("name", "path"))
    if not isinstance(name, str) or not isinstance(path, str):
        raise UsageError("a model is registered by its run, path and name")
    made = registering.register(runs.store, f"runs:/{chosen[0].run_id}/{path}", name.strip())
    return f"registered as version {made.number} of {made.name}"


def _edit(asked: Mapping[str, Any], run: StoredRun) -> Edit:
    given = {key: asked[key] for key in ("name", "note", "tags", "deleted") if key in asked}
    if len(given) != 1:
        raise UsageError("an edit changes one thing: name, note, tags or deleted")
    ((key, value),) = given.items()
    if key == "deleted" and isinstance(value, bool):
        return Edit(deleted=value)
    if key == "tags" and isinstance(value, Mapping):
        return Edit(tags={_tag(name): _value(name, text) for name, text in value.items()})
    if key == "name" and isinstance(value, str) and value.strip():
        return Edit(name=check_length("run name", run.run_id, value.strip()))
    if key == "note" and isinstance(value, str):
        return Edit(note=check_length("note", run.run_id, value))
    raise UsageError(f"{key} cannot become {str(value)[:40]!r}")


def _tag(name: object) -> str:
    if str(name).startswith("mlflow."):
        raise UsageError(f"the tag {name!r} is set by what it tells of")
    return check_key("tag", str(name))


def _value(name: str, text: object) -> str | None:
    if text is not None and not isinstance(text, str):
        raise UsageError(f"tag {name!r} is no text")
    return None if text is None else check_length("tag", name, text)
