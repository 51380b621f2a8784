"""`gittrack models register`, `alias`, `ls`, `show`, `rm` and `renumber`: the registry."""

from __future__ import annotations

from typing import Annotated

import typer

from gittrack.cli import options, render
from gittrack.cli.modelviews import model_view, models_view, version_view
from gittrack.errors import UsageError
from gittrack.models.stored import parse_registered
from gittrack.registry import Registry, Version, renumbering
from gittrack.registry.names import check_alias
from gittrack.runs.edits import Edit
from gittrack.runs.provenance import author
from gittrack.tracking import registering
from gittrack.tracking.validation import check_tags

_SHAPE = "such as wine/3 or wine@champion"

Reference = Annotated[
    str, typer.Argument(metavar="NAME/VERSION", help="Such as wine/3, wine@champion, wine/latest.")
]


def register(
    uri: Annotated[
        str, typer.Argument(metavar="URI", help="The model: runs:/RUN/path, or a path in a run.")
    ],
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is registered as.")],
    alias: Annotated[
        list[str] | None,
        typer.Option("--alias", "-a", metavar="ALIAS", help="Let an alias point to it."),
    ] = None,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="What to say of it.")] = "",
    tags: Annotated[
        list[str] | None,
        typer.Option("--tag", "-t", metavar="NAME=VALUE", help="Tag it; can be repeated."),
    ] = None,
) -> None:
    """Register a model as the next version of a name."""
    store = options.open_store()
    chosen = check_tags(dict(_pair(tag) for tag in tags or ()))
    aliases = [check_alias(one) for one in alias or ()]
    made = registering.register(store, uri, name)
    registry = Registry(store)
    if chosen or note:
        registry.edit(made.name, Edit(tags=chosen, note=note or None), number=made.number)
    for one in aliases:
        registry.set_alias(made.name, one, made.number)
    render.out(made.uri)
    words = f", {', '.join(alias)}" if alias else ""
    render.say(f"version {made.number} of {made.name}{words}: {made.source}", kind="done")


def alias(
    version: Reference,
    name: Annotated[str, typer.Argument(metavar="ALIAS", help="Such as champion.")],
    remove: Annotated[
        bool, typer.Option("--remove", "-r", help="Take the alias away instead.")
    ] = False,
) -> None:
    """Let an alias point to a version of a model: one line in one file."""
    registry = Registry(options.open_store())
    if remove:
        model = _parse(version)[0]
        registry.remove_alias(model, name)
        render.say(f"{model} has no alias {name} any more", kind="done")
        return
    found = _find(registry, version)
    before = registry.model(found.name).aliases.get(name)
    registry.set_alias(found.name, name, found.number)
    moved = f", before {before}" if before not in (None, found.number) else ""
    render.say(f"{found.name}@{name} is version {found.number}{moved}", kind="done")


def ls(
    json: options.Json = False,
    csv: options.Csv = False,
    md: options.Md = False,
) -> None:
    """List the registered models, their versions and aliases."""
    form = options.form(json=json, csv=csv, md=md)
    registry = Registry(options.open_store())
    listed = [(model, registry.versions(model.name)) for model in registry.models()]
    render.emit(models_view(listed), form)
    if not listed:
        render.say(f"no registered models in {registry.store.root} yet")
        render.say("gittrack models register runs:/@/model NAME", kind="hint")


def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME[/VERSION]", help="A model, or one version: wine/3, wine@champion."
        ),
    ],
    json: options.Json = False,
    csv: options.Csv = False,
    md: options.Md = False,
) -> None:
    """Show a registered model and its versions, or one version."""
    form = options.form(json=json, csv=csv, md=md)
    registry = Registry(options.open_store())
    plain = name.removeprefix("models:/")
    if "/" in plain or "@" in plain:
        render.emit(version_view(_find(registry, name), registry.store), form)
    else:
        render.emit(model_view(registry.model(plain), registry.versions(plain)), form)


def rm(
    version: Reference,
    force: Annotated[
        bool, typer.Option("--force", "-f", help="Its aliases too, where it has some.")
    ] = False,
) -> None:
    """Remove a version; its run stays, and its number is never given again."""
    registry = Registry(options.open_store())
    found = _find(registry, version)
    if found.aliases and not force:
        raise UsageError(
            f"version {found.number} of {found.name} is {', '.join(found.aliases)}",
            hint=f"move the alias, or remove both: gittrack models rm --force {found.argument}",
        )
    registry.remove(found.name, found.number, user=author(registry.store.root))
    render.say(f"version {found.number} of {found.name} is removed", kind="done")


def renumber(version: Reference) -> None:
    """Give a version the next free number, with its aliases and all that names it."""
    registry = Registry(options.open_store())
    name, number = _parse(version)
    done = renumbering.renumber(registry, name, number)
    render.out(done.moved.uri)
    if done.kept is not None:
        render.say(f"{done.kept.uri} is of {done.kept.source}, which was registered first")
    for path in done.changed:
        render.say(f"{path}: changed")
    for path in done.unclear:
        render.say(f"{path} names {name}/{number}, and was left as it is", kind="warning")
    moved = f", with {', '.join(done.aliases)}" if done.aliases else ""
    render.say(f"{done.moved.source} is version {done.moved.number} now{moved}", kind="done")
    render.say("git add what changed, and commit", kind="hint")


def _find(registry: Registry, reference: str) -> Version:
    return registry.named(*_parse(reference))


def _parse(reference: str) -> tuple[str, str]:
    plain = reference.removeprefix("models:/")
    try:
        return parse_registered(f"models:/{plain}")
    except UsageError:
        raise UsageError(f"{reference!r} names no version of a model", hint=_SHAPE) from None


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"{text!r} is no NAME=VALUE", hint="such as --tag team=a")
    return name, value
