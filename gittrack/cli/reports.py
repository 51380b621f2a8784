"""`gittrack report`: runs for a pull request, a step summary or a page to send."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from gittrack import files, reports
from gittrack.cli import complete, options, render
from gittrack.errors import UsageError

# What GitHub takes as a comment; a step summary takes 1 MiB.
COMMENT_BYTES = 65_536


def report(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN...",
            help="[default: what --base lacks, else the latest]",
            autocompletion=complete.runs,
            show_default=False,
        ),
    ] = None,
    base: Annotated[
        str, typer.Option("--base", metavar="REV", help="Compare with where this branch left it.")
    ] = "",
    html: Annotated[bool, typer.Option("--html", help="Write one page with charts.")] = False,
    md: Annotated[bool, typer.Option("--md", help="Write Markdown. [default]")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="[default: stdout]")
    ] = None,
    plots: Annotated[
        Path | None,
        typer.Option("--plots", metavar="DIR", help="Write charts there, and link them."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="BYTES", help="Of Markdown; 0 is none.")
    ] = COMMENT_BYTES,
) -> None:
    """Write a report of runs: Markdown for a pull request, or a page of HTML."""
    if html and md:
        raise UsageError("--html and --md exclude each other", hint="give one of them")
    made = reports.make(options.open_store(), runs or (), base=base)
    images: dict[str, str] = {}
    if plots is not None:
        files.make_folder(plots.absolute())
        for chart in (chart for section in made.sections for chart in section.charts):
            name = f"{len(images) + 1:02}-{re.sub(r'[^A-Za-z0-9.-]+', '-', chart.metric)[:60]}.svg"
            files.write_atomic(plots.absolute() / name, chart.image.encode())
            images[chart.metric] = (plots / name).as_posix()
    text = reports.html(made) if html else reports.markdown(made, limit=limit, images=images)
    render.emit(render.View("report", None, problems=made.problems))
    if output is None:
        render.out(text.rstrip("\n"))
    else:
        files.write_atomic(output.absolute(), text.encode("utf-8", "replace"))
        render.say(f"{made.title} in {output}", kind="done")
