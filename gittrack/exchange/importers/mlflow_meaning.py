"""What MLflow's fields and tags mean here, whatever kind of store they come from."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from gittrack.entities import CONTEXT_TAG, system_tags
from gittrack.exchange.incoming import LAST_TIME, RUN_ID, plain_params
from gittrack.runs.reading import NAME_TAG, NOTE_TAG
from gittrack.runs.record import RUNNING, STATUSES, RunRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PARENT_TAG = "mlflow.parentRunId"
NUMBERS = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
_SOURCE_TYPES = {1: "NOTEBOOK", 2: "JOB", 3: "PROJECT", 4: "LOCAL"}
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NOBODY = (None, "", "unknown")
_INT64 = 2**63


def record_of(
    run_id: str,
    meta: Mapping[str, Any],
    *,
    experiment: str,
    params: Mapping[str, str],
    tags: Mapping[str, str],
    inputs: Iterable[Mapping[str, Any]] = (),
) -> RunRecord:
    """Return the record of a run of MLflow's, by its meta data as either store names them.

    Tags that say what a record has a place for are not kept a second time.

    Raises:
        ValueError: the meta data make no sense.
    """
    status, start, end = _standing(meta)
    parent = tags.get(PARENT_TAG)
    user = tags.get("mlflow.user") or meta.get("user_id")
    record = RunRecord(
        run_id=run_id,
        name=tags.get(NAME_TAG) or str(meta.get("run_name") or meta.get("name") or run_id[:8]),
        experiment=experiment,
        status=status,
        start_time=start,
        end_time=end,
        params=plain_params(params),
        parent=parent if parent and RUN_ID.fullmatch(parent) else None,
        source=_source(meta, tags),
        user=None if user in _NOBODY else str(user),
        inputs=tuple(inputs),
    )
    told = system_tags(record)
    kept = {name: value for name, value in tags.items() if told.get(name) != value}
    kept.pop(NAME_TAG, None)
    return record.replaced(tags=kept)


def _standing(meta: Mapping[str, Any]) -> tuple[str, int, int | None]:
    status = NUMBERS.get(meta.get("status"), meta.get("status"))  # type: ignore[arg-type]
    if status not in STATUSES:
        raise ValueError(f"its status is {status!r}")
    start, end = time_of(meta.get("start_time") or 0), meta.get("end_time")
    has_end = end is not None and status != RUNNING
    return str(status), start, max(start, time_of(end)) if has_end else None


def time_of(value: object) -> int:
    """Return a time in ms since 1970 UTC.

    Raises:
        ValueError: it is none, or before 1970, or after 9999.
    """
    if not isinstance(value, int) or not 0 <= value <= LAST_TIME:
        raise ValueError(f"{str(value)[:40]!r} is not a time")
    return value


def point_numbers(step: int, time: int) -> tuple[int, int]:
    """Return step and time of a metric.

    Raises:
        ValueError: one of them is larger than MLflow's.
    """
    if not (-_INT64 <= step < _INT64 and -_INT64 <= time < _INT64):
        raise ValueError("out of range")
    return step, time


def input_of(dataset: Mapping[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
    """Return a dataset that a run read as an entry of `inputs`."""
    others = {name: value for name, value in sorted(tags.items()) if name != CONTEXT_TAG}
    source = _json(dataset.get("source"))
    if isinstance(source, dict) and list(source) == ["uri"] and isinstance(source["uri"], str):
        source = source["uri"]
    entry = {
        "name": str(dataset.get("name", "")),
        "digest": str(dataset.get("digest", "")),
        "context": tags.get(CONTEXT_TAG),
        "source": source if isinstance(source, str) else dataset.get("source"),
        "source_type": dataset.get("source_type"),
        "schema": _structure(dataset.get("schema"), (dict, list)),
        "profile": _structure(dataset.get("profile"), (dict,)),
        "tags": others or None,
    }
    return {key: value for key, value in entry.items() if value is not None}


def note_and_tags(tags: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Split the tags of an experiment into its description and the others."""
    others = dict(tags)
    return others.pop(NOTE_TAG, ""), others


def _source(meta: Mapping[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
    numbered = meta.get("source_type")
    name = tags.get("mlflow.source.name") or meta.get("source_name")
    # The first MLflow had fields for what later ones keep in tags.
    kind = tags.get("mlflow.source.type") or (name and _SOURCE_TYPES.get(numbered, numbered))  # type: ignore[arg-type]
    if kind not in _SOURCE_TYPES.values():
        return {}
    source: dict[str, Any] = {"type": kind}
    if name and kind == "PROJECT":
        project = {
            "uri": name,
            "entry_point": tags.get("mlflow.project.entryPoint") or "main",
            "backend": tags.get("mlflow.project.backend"),
            "environment": tags.get("mlflow.project.env"),
        }
        source["project"] = {key: value for key, value in project.items() if value}
    elif name:
        source["command"] = name
    if git := _git(tags):
        source["git"] = git
    return source


def _git(tags: Mapping[str, str]) -> dict[str, str]:
    git = {
        "commit": tags.get("mlflow.source.git.commit", ""),
        "branch": tags.get("mlflow.source.git.branch", ""),
        "remote": tags.get("mlflow.source.git.repoURL", ""),
    }
    if not _COMMIT.fullmatch(git["commit"]):
        del git["commit"]
    return {key: value for key, value in git.items() if value}


def _json(text: object) -> Any:
    try:
        return json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None


def _structure(text: object, kinds: tuple[type, ...]) -> Any:
    value = _json(text)
    return value if isinstance(value, kinds) else None
