"""Registered models of MLflow's; its stages become aliases."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from gittrack.exchange.importers import mlflow_artifacts
from gittrack.exchange.incoming import ForeignModel, ForeignVersion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gittrack.exchange.importers.mlflow_artifacts import LoggedModel

STAGES = ("Staging", "Production", "Archived")
_LOGGED = re.compile(r"models:/(m-[\w-]+)")
_IN_RUN = re.compile(r"(?:runs:/+([^/]+)|.*/([^/]+)/artifacts)/(.+)")


def model(
    meta: Mapping[str, Any],
    versions: Sequence[tuple[Mapping[str, Any], Mapping[str, str]]],
    *,
    tags: Mapping[str, str],
    aliases: Mapping[str, int],
    logged: Mapping[str, LoggedModel],
) -> ForeignModel:
    """Return a registered model by the meta data that either store has of it.

    Args:
        versions: the meta data and the tags of each.
        logged: the models of MLflow 3 by their ids, which versions point to.

    Raises:
        ValueError: the meta data make no sense.
    """
    found = sorted((_version(entry, said, logged) for entry, said in versions), key=_number)
    staged = {
        str(entry["current_stage"]): int(entry["version"])
        for entry, _ in sorted(versions, key=lambda pair: int(pair[0]["version"]))
        if entry.get("current_stage") in STAGES
    }
    return ForeignModel(
        str(meta["name"]),
        found,
        aliases={**staged, **aliases},
        note=str(meta.get("description") or ""),
        tags=tags,
        time=_time(meta, "last_updated_timestamp", "last_updated_time"),
    )


def _number(version: ForeignVersion) -> int:
    return version.number


def _version(
    meta: Mapping[str, Any], tags: Mapping[str, str], logged: Mapping[str, LoggedModel]
) -> ForeignVersion:
    source = str(meta.get("source") or "")
    model_id = meta.get("model_id") or (match[1] if (match := _LOGGED.match(source)) else "")
    run_id, places = str(meta.get("run_id") or ""), tuple[str, ...]()
    if (found := logged.get(str(model_id))) is not None:
        run_id, places = found.run_id, mlflow_artifacts.possible_places(found)
    elif (match := _IN_RUN.fullmatch(source)) is not None:
        path = unquote(match[3]).strip("/")
        run_id = match[1] or match[2]
        places = () if ".." in path.split("/") else (path,)
    return ForeignVersion(
        int(meta["version"]),
        run_id,
        places,
        _time(meta, "creation_timestamp", "creation_time"),
        note=str(meta.get("description") or ""),
        tags=tags,
        user=meta.get("user_id") or None,
        changed=_time(meta, "last_updated_timestamp", "last_updated_time"),
    )


def _time(meta: Mapping[str, Any], *names: str) -> int:
    return next((value for name in names if isinstance(value := meta.get(name), int)), 0)
