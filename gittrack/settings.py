"""The only reader of environment variables and configuration files.

Environment wins over configuration. Configuration is `gittrack.toml`, or `[tool.gittrack]` in
`pyproject.toml`, in the folder of the store or above it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from gittrack import paths
from gittrack.errors import StoreError, UsageError

CONFIG_FILE = "gittrack.toml"
PYPROJECT = "pyproject.toml"
_TABLES = ("check", "metrics", "store")

DIR = "GITTRACK_DIR"
RUN_ID = "GITTRACK_RUN_ID"
EXPERIMENT_NAME = "GITTRACK_EXPERIMENT_NAME"
RANK = "GITTRACK_RANK"
USER = "GITTRACK_USER"
REQUIRE_CLEAN = "GITTRACK_REQUIRE_CLEAN"
SAFE = "GITTRACK_SAFE"
SYSTEM_METRICS = "GITTRACK_ENABLE_SYSTEM_METRICS_LOGGING"
SYSTEM_INTERVAL = "GITTRACK_SYSTEM_METRICS_SAMPLING_INTERVAL"
SYSTEM_SAMPLES = "GITTRACK_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING"
SYSTEM_NODE = "GITTRACK_SYSTEM_METRICS_NODE_ID"
DOCKER_PULL = "GITTRACK_DOCKER_PULL"
CACHE = "GITTRACK_CACHE"
CONDA = "CONDA_EXE"

_ALIASES: Mapping[str, tuple[str, ...]] = {
    RUN_ID: ("MLFLOW_RUN_ID",),
    EXPERIMENT_NAME: ("MLFLOW_EXPERIMENT_NAME",),
    RANK: ("RANK",),
    **{
        name: (name.replace("GITTRACK", "MLFLOW"),)
        for name in (SYSTEM_METRICS, SYSTEM_INTERVAL, SYSTEM_SAMPLES, SYSTEM_NODE)
    },
}


def variable(name: str) -> str | None:
    """Return an environment variable of ours, or the foreign one that means the same.

    It is None where unset or empty.
    """
    for candidate in (name, *_ALIASES.get(name, ())):
        if value := os.environ.get(candidate):
            return value
    return None


def set_variable(name: str, value: str | None) -> None:
    """Set a variable of ours for this process and its children; None unsets it."""
    for each in (name, *_ALIASES.get(name, ())):
        os.environ.pop(each, None)
    if value is not None:
        os.environ[name] = value


def switched_on(name: str) -> bool:
    """Tell whether a variable of ours is set, and not to 0, false, no or off."""
    return (variable(name) or "0").lower() not in ("0", "false", "no", "off")


def number(name: str) -> float | None:
    """Return a variable of ours as a number; None where it is unset or none.

    The environment is nobody's argument, and no reason to stop the work.
    """
    try:
        return float(variable(name) or "")
    except ValueError:
        return None


def rank() -> int | None:
    """Return this process's rank among the workers of one run, if a launcher set one."""
    text = variable(RANK)
    return int(text) if text and text.isdecimal() else None


def user() -> str | None:
    """Return the name to record runs under; "" means record none, None means ask Git."""
    return os.environ.get(USER)


def require_clean() -> None:
    """Let this process and its children start runs only from committed code."""
    os.environ[REQUIRE_CLEAN] = "1"


def requires_clean() -> bool:
    """Tell whether a run may start only where nothing in the work tree is uncommitted."""
    return switched_on(REQUIRE_CLEAN)


def load_safely() -> None:
    """Let this process and its children load only models that run no code of their own."""
    os.environ[SAFE] = "1"


def loads_safely() -> bool:
    """Tell whether a model that may run code of its own is refused, whoever loads it."""
    return switched_on(SAFE)


def cache_folder() -> Path:
    """Return where what can be made again is kept outside the tree, such as environments."""
    named = os.environ.get(CACHE)
    if named:
        return local_path(named, source=CACHE)
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    if base.startswith("~"):  # no HOME, and the user is in no list: never below the working folder
        import tempfile

        base = os.path.join(tempfile.gettempdir(), f"cache-{os.getuid()}")
    return Path(base).absolute() / "gittrack"


def find_program(*names: str, variable: str = "") -> str | None:
    """Return the path of the first program that is named by a variable, on PATH or beside ours."""
    from shutil import which

    if variable and (named := os.environ.get(variable)):
        return named
    beside = os.path.dirname(sys.executable)
    places = [os.environ.get("PATH", os.defpath), beside]
    return next(
        (found for name in names for place in places if (found := which(name, path=place))), None
    )


def path_with(folder: Path) -> str:
    """Return PATH with a folder before all others."""
    return os.pathsep.join([str(folder), os.environ.get("PATH", os.defpath)])


def docker_may_pull() -> bool:
    """Tell whether an image that is not on this machine may be fetched from its registry."""
    return (os.environ.get(DOCKER_PULL) or "missing").lower() != "never"


def login() -> str:
    """Return the login name, "" where the system has none."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        if value := os.environ.get(name):
            return value
    try:
        import pwd
    except ImportError:  # Windows has none
        return ""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return ""


def shell() -> str:
    """Return the user's shell, for `.sh` entry points."""
    return os.environ.get("SHELL") or "bash"


def child_environment(extra: Mapping[str, str], *, without: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the environment for a child process: ours, less `without`, plus `extra`."""
    kept = {name: value for name, value in os.environ.items() if name not in without}
    return {**kept, **extra}


def use_store(path: str | Path) -> None:
    """Make a folder the store of this process and of its children."""
    os.environ[DIR] = str(local_path(str(path)))


def add_to_python_path(folder: Path) -> None:
    """Let the Python processes that this one starts look for modules in a folder first."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(folder), *([before] if before else [])])


def wants_colour() -> bool:
    """Tell whether output may be coloured (https://no-color.org), and the terminal can do it."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def store_path(start: Path | None = None) -> Path:
    """Return where the store is, or would be made, seen from a folder (default: the working one).

    `GITTRACK_DIR`, else the nearest `mlruns/`, `gittrack.toml` or `[tool.gittrack]` from there up
    to the Git root, else the Git root (but never the home folder), else `start` itself.

    Raises:
        UsageError: a configuration file on the way is wrong.
        StoreError: the working folder is gone.
    """
    if named := os.environ.get(DIR):
        return local_path(named, source=DIR)
    here = (start or working_folder()).resolve()
    root = git_root(here)
    for folder in (here, *here.parents) if root else (here,):
        config = _read_config(folder)
        if config is not None and "store" in config:
            return folder / _named_store(config["store"], folder)
        if config is not None or (folder / paths.STORE).is_dir():
            return folder / paths.STORE
        if folder == root:
            break
    return (root if root and root != _home() else here) / paths.STORE


def table(name: str, start: Path) -> Mapping[str, object]:
    """Return a table of the configuration that holds for a folder, such as `[tool.gittrack.check]`.

    The nearest configuration from the folder up to the Git root is read; it is empty without one.

    Raises:
        UsageError: the configuration is wrong.
    """
    here = start.absolute()
    root = git_root(here)
    for folder in (here, *here.parents):
        if (config := _read_config(folder)) is not None:
            found = config.get(name, {})
            if not isinstance(found, Mapping):
                raise UsageError(
                    f"{name!r} in the configuration in {folder} is no table",
                    hint=f"write [tool.gittrack.{name}] in {PYPROJECT}",
                )
            return found
        if folder == root or (root is None and folder == here.parent):
            break
    return {}


def known_keys(
    found: Mapping[str, object], known: Sequence[str], place: str
) -> Mapping[str, object]:
    """Return a table of which all keys are read by something.

    Raises:
        UsageError: one is not; the hint names the nearest that is.
    """
    for key in found:
        if key not in known:
            from difflib import get_close_matches

            near = get_close_matches(key.replace("_", "-"), known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
            raise UsageError(f"{place} has a key {key!r}, which is not known", hint=hint)
    return found


def _named_store(value: object, folder: Path) -> Path:
    if not isinstance(value, str) or not value:
        raise UsageError(
            f"the configuration in {folder} has store = {value!r}",
            hint='give a folder as a text, such as store = "runs"',
        )
    return Path(os.path.expanduser(value))


def working_folder() -> Path:
    """Return the working folder.

    Raises:
        StoreError: it was removed.
    """
    try:
        return Path.cwd()
    except OSError as error:
        raise StoreError(
            f"the working folder cannot be read: {error.strerror}", hint="cd to another"
        ) from None


def _home() -> Path | None:
    try:
        return Path.home().resolve()
    except (OSError, RuntimeError):  # no HOME, and the user is in no list
        return None


def local_path(uri: str, *, source: str = "tracking URI") -> Path:
    """Return the path that a tracking URI names: a plain path or a `file:` URI.

    Raises:
        UsageError: it names a server or a database, which gittrack has none of.
    """
    scheme, colon, rest = uri.partition(":")
    if colon and scheme.lower() == "file":
        from urllib.parse import unquote, urlsplit

        parts = urlsplit(uri)
        if parts.netloc not in ("", "localhost"):
            raise UsageError(
                f"{source} {uri!r} names a folder of the host {parts.netloc!r}",
                hint="write file:///FOLDER with three slashes, or a plain path",
            )
        return Path(unquote(parts.path) or ".").absolute()
    if (
        colon
        and len(scheme) > 1
        and (rest.startswith("//") or scheme in {"databricks", "databricks-uc"})
    ):
        raise UsageError(
            f"{source} {uri!r} is not a folder, and gittrack talks to no server",
            hint="name a folder, such as ./mlruns, or leave it out to use the nearest mlruns",
        )
    try:
        return Path(uri).expanduser().absolute()
    except RuntimeError as error:
        raise UsageError(f"{source} {uri!r}: {error}", hint="write the path out") from None


def git_root(here: Path) -> Path | None:
    """Return the top of the Git work tree that holds a folder, told by its `.git`.

    None outside of one.
    """
    for folder in (here, *here.parents):
        if (folder / ".git").exists():
            return folder
    return None


def _read_config(folder: Path) -> Mapping[str, object] | None:
    own, project = folder / CONFIG_FILE, folder / PYPROJECT
    if (data := _read(own)) is not None:
        return known_keys(_parse_toml(own, data), _TABLES, str(own))
    if (data := _read(project)) is not None and b"[tool.gittrack" in data:
        tool = _parse_toml(project, data).get("tool")
        table = tool.get("gittrack") if isinstance(tool, Mapping) else None
        if isinstance(table, Mapping):
            return known_keys(table, _TABLES, f"[tool.gittrack] in {project}")
    return None


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:  # not there, or somebody else's: it tells us nothing
        return None


def _parse_toml(path: Path, data: bytes) -> Mapping[str, object]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        table: Mapping[str, object] = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path}: not valid TOML: {error}", hint="correct the file at that place"
        ) from None
    return table
