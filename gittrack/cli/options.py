"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from gittrack.cli.render import Form
from gittrack.errors import UsageError

Json = Annotated[bool, typer.Option("--json", help="Write JSON.", show_default=False)]
Csv = Annotated[bool, typer.Option("--csv", help="Write CSV.", show_default=False)]
Md = Annotated[bool, typer.Option("--md", help="Write Markdown.", show_default=False)]


def form(*, json: bool = False, csv: bool = False, md: bool = False) -> Form:
    """Return the one form of output that was asked for; a table where none was.

    Raises:
        UsageError: several were.
    """
    chosen = [
        form for form, wanted in ((Form.JSON, json), (Form.CSV, csv), (Form.MD, md)) if wanted
    ]
    if len(chosen) > 1:
        names = " and ".join(f"--{form.value}" for form in chosen)
        raise UsageError(f"{names} exclude each other", hint="give one of them")
    return chosen[0] if chosen else Form.TABLE
