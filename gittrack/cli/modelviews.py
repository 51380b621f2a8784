"""How registered models and their versions look: as JSON, and as tables."""

from __future__ import annotations

from collections.abc import Sequence

from gittrack.cli.cells import Cell
from gittrack.cli.render import Column, Table, Value, View
from gittrack.errors import GittrackError
from gittrack.files import Problem
from gittrack.models import mlmodel
from gittrack.models.stored import version_folder
from gittrack.registry import RegisteredModel, Version, Versions
from gittrack.runs.store import Store
from gittrack.runs.values import format_time

_NOTE = 40


def models_view(listed: Sequence[tuple[RegisteredModel, Versions]]) -> View:
    """Return all registered models, one a row."""
    columns: list[Column | str] = [
        "model",
        "versions",
        "latest",
        "aliases",
        Column("note", drop=1, most=_NOTE),
    ]
    rows: list[list[Value]] = [
        [
            Cell(model.name, style="bold"),
            len(versions.versions),
            versions.versions[0].number if versions.versions else None,
            _aliases(model),
            model.note,
        ]
        for model, versions in listed
    ]
    return View(
        kind="models",
        data=[_model_json(model, versions) for model, versions in listed],
        tables=[Table(columns, rows)] if rows else [],
        problems=[problem for _, versions in listed for problem in versions.problems],
    )


def model_view(model: RegisteredModel, versions: Versions) -> View:
    """Return one registered model with its versions."""
    about: list[list[Value]] = [["model", Cell(model.name, style="bold")]]
    about += [["note", model.note]] if model.note else []
    about += [[f"tag {name}", value] for name, value in model.tags.items()]
    columns: list[Column | str] = [
        "version",
        "aliases",
        "model",
        "registered",
        "by",
        Column("note", drop=1, most=_NOTE),
    ]
    rows: list[list[Value]] = [
        [
            Cell(str(one.number), style="bold"),
            ", ".join(one.aliases),
            one.source,
            format_time(one.time),
            one.user,
            one.note,
        ]
        for one in versions.versions
    ]
    return View(
        kind="model",
        data=_model_json(model, versions),
        tables=[Table(["", ""], about, header=False), *([Table(columns, rows)] if rows else [])],
        problems=versions.problems,
        csv=Table(columns, rows),
    )


def version_view(version: Version, store: Store) -> View:
    """Return one version, with what its MLmodel says."""
    problems: list[Problem] = []
    flavors: list[str] = []
    try:
        flavors = sorted(mlmodel.read(version_folder(version, store)).flavors)
    except GittrackError as error:
        problems.append(Problem(store.root, error.message, hint=error.hint))
    rows: list[list[Value]] = [
        ["version", Cell(f"{version.name}/{version.number}", style="bold")],
        ["aliases", ", ".join(version.aliases)],
        ["model", version.source],
        ["flavors", ", ".join(flavors)],
        ["registered", format_time(version.time)],
        ["by", version.user],
        ["note", version.note],
        ["digest", version.digest],
    ]
    rows += [[part, _columns(version, part)] for part in ("inputs", "outputs", "params")]
    rows += [[f"tag {name}", value] for name, value in version.tags.items()]
    shown = [row for row in rows if row[1]]
    return View(
        kind="model_version",
        data={**version_json(version), "flavors": flavors},
        tables=[Table(["", ""], shown, header=False)],
        problems=problems,
    )


def version_json(version: Version) -> dict[str, object]:
    """Return a version as JSON."""
    return {
        "name": version.name,
        "version": version.number,
        "uri": version.uri,
        "source": version.source,
        "run_id": version.run_id,
        "path": version.path,
        "digest": version.digest,
        "time": format_time(version.time),
        "user": version.user,
        "aliases": list(version.aliases),
        "note": version.note,
        "tags": dict(version.tags),
        "signature": dict(version.signature),
    }


def _model_json(model: RegisteredModel, versions: Versions) -> dict[str, object]:
    return {
        "name": model.name,
        "note": model.note,
        "tags": dict(model.tags),
        "aliases": dict(model.aliases),
        "versions": [version_json(one) for one in versions.versions],
    }


def _aliases(model: RegisteredModel) -> str:
    return ", ".join(f"{alias} {number}" for alias, number in model.aliases.items())


def _columns(version: Version, part: str) -> str:
    items = version.signature.get(part)
    listed = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    return ", ".join(f"{one.get('name', '')} {one.get('type', '')}".strip() for one in listed)
