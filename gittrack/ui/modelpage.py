"""The registered models, and one of them, as their pages show them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gittrack import paths
from gittrack.errors import NotFoundError
from gittrack.registry import Registry
from gittrack.runs.values import param_text
from gittrack.ui import words
from gittrack.ui.table import git_of, metric

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gittrack.registry import Version
    from gittrack.runs.reading import StoredRun
    from gittrack.runs.store import Store

_DIGEST = 19


@dataclass(frozen=True)
class ModelEntry:
    """A registered model: its name, the name of its folder, and its versions, the newest first."""

    name: str
    folder: str
    note: str
    aliases: Mapping[str, int]
    versions: tuple[Version, ...]
    problems: tuple[str, ...]


def models(store: Store) -> list[ModelEntry]:
    """Return all registered models of a store, or of a revision of it."""
    store.tree.local(store.root / paths.REGISTRY)
    registry = Registry(store)
    found = []
    for model in registry.models():
        versions, problems = registry.versions(model.name)
        found.append(
            ModelEntry(
                model.name,
                model.folder.name,
                model.note,
                model.aliases,
                tuple(versions),
                tuple(str(problem) for problem in problems),
            )
        )
    return found


def context(store: Store, folder: str, known: Mapping[str, StoredRun]) -> dict[str, Any]:
    """Return what the template of a model's page needs.

    Args:
        known: the runs there are, by id.

    Raises:
        NotFoundError: there is no model in that folder.
    """
    for model in models(store):
        if model.folder == folder:
            return of(model, known)
    raise NotFoundError(f"no registered model {folder!r}", hint="gittrack models ls shows them")


def of(model: ModelEntry, known: Mapping[str, StoredRun]) -> dict[str, Any]:
    """Return what the template of a model's page needs, of a model that was read."""
    return {
        "model": model,
        "known": known,
        "note": words.markdown(model.note) if model.note.strip() else None,
        "versions": json.dumps([_facts(one, known.get(one.run_id)) for one in model.versions]),
    }


def _facts(version: Version, run: StoredRun | None) -> dict[str, Any]:
    """Return what two versions are compared by: titled parts of names and texts."""
    about = {
        "run": f"{run.record.name} ({version.run_id})" if run is not None else version.run_id,
        "path": version.path,
        "digest": version.digest[:_DIGEST],
        "registered": words.moment(version.time),
        "aliases": ", ".join(version.aliases),
        "note": version.note,
    }
    signature = {
        f"{side} {entry.get('name', place)}": str(entry.get("type"))
        for side, entries in version.signature.items()
        if isinstance(entries, list)
        for place, entry in enumerate(entries)
        if isinstance(entry, dict)
    }
    parts: dict[str, dict[str, str]] = {"Version": about, "Signature": signature}
    if run is not None:
        record = run.record
        parts["Code"] = {"commit": str(git_of(run).get("commit") or "")[:_DIGEST]}
        parts["Params"] = {name: param_text(value) for name, value in record.params.items()}
        parts["Metrics"] = {
            name: str(metric(summary.last)) for name, summary in record.metrics.items()
        }
    parts["Tags"] = dict(version.tags)
    return {"number": version.number, "parts": parts}
