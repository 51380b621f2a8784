"""The `gittrack` command: all commands by name, and the one error boundary around them."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from gittrack import secrets, settings
from gittrack.cli import render
from gittrack.errors import GittrackError
from gittrack.version import VERSION

INTERRUPTED = 130
BUG = 70

# The root of Typer's own errors, which has no public name before Typer 0.28.
_TYPER_ERROR: type[BaseException] = typer.BadParameter.__mro__[2]


class Command(NamedTuple):
    """Where in `gittrack.cli` a command is, and the first line of its docstring.

    One that `wraps` is given what stands behind `--` apart from its own arguments.
    """

    module: str
    function: str
    help: str
    wraps: bool = False


class Group(NamedTuple):
    """Commands behind one name."""

    help: str
    commands: Mapping[str, Command]


_PREDICT = Command("models", "predict", "Write a model's predictions for the rows of a file.")
_SERVE = Command("models", "serve", "Answer predictions of a model over HTTP: POST /invocations.")

# Written down here, so that starting and listing them imports none.
COMMANDS: Mapping[str, Command | Group] = {
    "run": Command(
        "projects",
        "run",
        "Run a project, or a command behind --, and exit with its exit code.",
        wraps=True,
    ),
    "rerun": Command("rerun", "rerun", "Run a recorded run once more, and show what differs then."),
    "ls": Command(
        "looking", "ls", "List runs, the newest first, with the params and metrics that vary."
    ),
    "show": Command("looking", "show", "Show everything about one run."),
    "diff": Command(
        "comparing",
        "diff",
        "Show what differs between runs, or the runs of two revisions, and only that.",
    ),
    "plot": Command(
        "plotting",
        "plot",
        "Draw the course of metrics, in the terminal or into a file.",
    ),
    "watch": Command(
        "following",
        "watch",
        "Show the runs that are running and their metrics, until they end.",
    ),
    "logs": Command("following", "logs", "Show what a project printed, as it was kept in the run."),
    "artifacts": Group(
        "List, print and copy the files of a run.",
        {
            "ls": Command("artifacts", "ls", "List the artifacts of a run, with their sizes."),
            "cat": Command(
                "artifacts",
                "cat",
                "Print an artifact; a terminal gets escapes for what it would act on.",
            ),
            "get": Command(
                "artifacts",
                "get",
                "Copy an artifact, a folder of them or all to another place.",
            ),
        },
    ),
    "commit": Command(
        "committing", "commit", "Commit exactly some runs, whatever else is staged or changed."
    ),
    "check": Command(
        "gates",
        "check",
        "Check that a run is good enough: exit 0 if so, 1 if not, 4 if that cannot be measured.",
    ),
    "report": Command(
        "reports",
        "report",
        "Write a report of runs: Markdown for a pull request, or a page of HTML.",
    ),
    "init": Command(
        "starting",
        "init",
        "Set up this repository and this clone for runs; everything works without it too.",
    ),
    "tag": Command("editing", "tag", "Set or remove tags of a run."),
    "note": Command("editing", "note", "Set the note of a run, in the place of an earlier one."),
    "rm": Command("editing", "rm", "Mark a run as deleted; nothing is removed from the disk."),
    "restore": Command("editing", "restore", "Bring a deleted run back."),
    "archive": Command(
        "archiving",
        "archive",
        "Pack runs into one file and take them out of the tree, or bring them back.",
    ),
    "export": Group(
        "Take out what is here, in forms that others read.",
        {
            "mlflow": Command(
                "exporting", "mlflow", "Write a file store that MLflow of 1.x to 3.x reads."
            ),
            "csv": Command("exporting", "csv", "Write runs, or histories of metrics, as CSV."),
            "json": Command(
                "exporting", "json", "Write runs, or histories of metrics, as one JSON list."
            ),
            "parquet": Command(
                "exporting", "parquet", "Write runs, or histories of metrics, as Parquet."
            ),
        },
    ),
    "gc": Command(
        "tidy", "gc", "Show what was deleted and takes up room; --yes removes it for good."
    ),
    "doctor": Command(
        "tidy",
        "doctor",
        "Tell what is not well here, and what mends it.",
    ),
    "fsck": Command(
        "health",
        "fsck",
        "Check everything in the tree: records, lines, files, models, links, secrets.",
    ),
    "import": Command(
        "exchanging",
        "import_",
        "Bring in runs of another tool, or of another tree; none is taken twice.",
    ),
    "serve": _SERVE,
    "predict": _PREDICT,
    "ui": Command("ui", "ui", "Look at runs in the browser, or write the pages to a folder."),
    "models": Group(
        "Register models, serve them, and let them predict.",
        {
            "register": Command(
                "registering", "register", "Register a model as the next version of a name."
            ),
            "alias": Command(
                "registering",
                "alias",
                "Let an alias point to a version of a model: one line in one file.",
            ),
            "ls": Command(
                "registering", "ls", "List the registered models, their versions and aliases."
            ),
            "show": Command(
                "registering", "show", "Show a registered model and its versions, or one version."
            ),
            "rm": Command(
                "registering",
                "rm",
                "Remove a version; its run stays, and its number is never given again.",
            ),
            "renumber": Command(
                "registering",
                "renumber",
                "Give a version the next free number, with its aliases and all that names it.",
            ),
            "serve": _SERVE,
            "predict": _PREDICT,
            "build-docker": Command(
                "models", "build_docker", "Build a container image that serves a model."
            ),
            "generate-dockerfile": Command(
                "models",
                "generate_dockerfile",
                "Write a Dockerfile, and all that it needs, for an image that serves a model.",
            ),
            "prepare-env": Command(
                "models",
                "prepare_env",
                "Build the environment that a model names, and write the path of its Python.",
            ),
        },
    ),
}


class _Lazy(TyperCommand):
    """A command that is imported when it is called, completed or asked for its help."""

    def __init__(self, name: str, command: Command) -> None:
        super().__init__(name, short_help=command.help, rich_markup_mode=None)
        self.command = command

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        if self.command.wraps and "--" in args:
            at = args.index("--")
            args, extra["obj"] = args[:at], args[at + 1 :]
        module = import_module(f"gittrack.cli.{self.command.module}")
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command(self.name)(getattr(module, self.command.function))
        return get_command(app).make_context(info_name, args, parent, **extra)


class _Commands(TyperGroup):
    """A group of lazy commands."""

    def __init__(self, *, table: Mapping[str, Command | Group] = COMMANDS, **given: Any) -> None:
        super().__init__(**given)
        for name, entry in table.items():
            if isinstance(entry, Command):
                self.add_command(_Lazy(name, entry))
            else:
                more = {"help": entry.help, "no_args_is_help": True, "rich_markup_mode": None}
                self.add_command(_Commands(table=entry.commands, name=name, **more))


app = typer.Typer(
    name="gittrack",
    cls=_Commands,
    help="Experiments, projects and models as plain files in a Git repository.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        render.out(f"gittrack {VERSION}")
        raise typer.Exit


@app.callback()
def common(
    store: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Use this folder of runs. [default: the nearest mlruns]"),
    ] = None,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Experiments, projects and models as plain files in a Git repository."""
    if store is not None:
        settings.use_store(store)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line; the one place where an error becomes a message and an exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _ready_streams()
    stdout = sys.stdout
    try:
        code = app(args=arguments, prog_name="gittrack", standalone_mode=False)
        sys.stdout.flush()
    except GittrackError as error:
        render.problem(error)
        raise SystemExit(error.exit_code) from None
    except _TYPER_ERROR as error:
        raise SystemExit(_usage(error)) from None
    except (KeyboardInterrupt, typer.Abort):
        raise SystemExit(INTERRUPTED) from None
    except SystemExit:
        if sys.stdout is stdout:
            raise
        # Typer has put another in its place: the reader left while it wrote its help.
        sys.stdout = stdout
        raise SystemExit(render.close_pipe()) from None
    except BrokenPipeError:
        raise SystemExit(render.close_pipe()) from None
    except OSError as error:
        raise SystemExit(render.refused(error)) from None
    except Exception as error:  # noqa: BLE001 - whatever is left is a fault of ours
        render.bug(error, _write_report(error, arguments))
        raise SystemExit(BUG) from None
    raise SystemExit(code if isinstance(code, int) else 0)


def _ready_streams() -> None:
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller, who wants to hear nothing
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
        stream = getattr(sys, name)
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _usage(error: Any) -> int:
    message = str(error.format_message()).strip()
    if "\n" in message:  # the help of a group that was called without a command
        render.out(message)
        return int(error.exit_code)
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "gittrack"
    hint = f"{command} --help shows what it takes"
    if getattr(error, "option_name", "") == "--store":
        hint = "--store stands before the command: gittrack --store PATH ls"
    render.problem(GittrackError(message[:1].lower() + message[1:].rstrip("."), hint=hint))
    return int(error.exit_code)


def _write_report(error: BaseException, arguments: Sequence[str]) -> Path | None:
    """Write all that is needed to find a fault into a file of the temporary folder."""
    lines = [
        f"gittrack {VERSION}",
        f"python {platform.python_version()} on {platform.platform()}",
        f"typer {typer.__version__}",
        f"arguments {arguments!r}",
        "",
        *traceback.format_exception(type(error), error, error.__traceback__),
    ]
    try:
        with tempfile.NamedTemporaryFile(
            "w",
            prefix="gittrack-",
            suffix=".txt",
            delete=False,
            encoding="utf-8",
            errors="backslashreplace",
        ) as file:
            file.write(secrets.redact("\n".join(lines)))
    except OSError:
        traceback.print_exc()
        return None
    return Path(file.name)
