"""A project that writes down what it was called with, and ways to run it."""

from __future__ import annotations

import functools
import http.server
import json
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MLPROJECT = """\
name: echo
entry_points:
  main:
    parameters:
      data_file: path
      regularization: {type: float, default: 0.1}
    command: "python echo.py -r {regularization} {data_file}"
  fail:
    command: "python echo.py && exit 3"
  free:
    parameters:
      text: string
    command: "python echo.py {text}"
  nested:
    parameters:
      text: string
    command: bash -c 'python echo.py "{text}"'
"""
ECHO = """\
import json, os, pathlib, sys
seen = {"argv": sys.argv[1:], "cwd": os.getcwd(), "python": sys.executable, "env": dict(os.environ)}
target = pathlib.Path(os.environ["GITTRACK_DIR"]).parent / "seen.json"
target.write_text(json.dumps(seen))
print("echo:", *sys.argv[1:])
"""


@pytest.fixture
def echo(tmp_path: Path) -> Path:
    """A project that writes its arguments and environment to `seen.json` beside the store."""
    folder = tmp_path / "echo"
    folder.mkdir()
    (folder / "MLproject").write_text(MLPROJECT)
    (folder / "echo.py").write_text(ECHO)
    return folder


@pytest.fixture
def seen(isolated: Path) -> Callable[[], dict[str, object]]:
    """What the project `echo` wrote down when it ran."""
    return lambda: json.loads((isolated / "seen.json").read_text())


@pytest.fixture
def gittrack() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the `gittrack` command in a process of its own."""

    def call(*args: str, **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gittrack", *args],
            capture_output=True,
            text=True,
            check=False,
            env=dict(os.environ),
            **options,  # type: ignore[call-overload]
        )

    return call


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """A web server of the test's folder."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    handler.func.log_message = lambda *_: None  # type: ignore[method-assign]
    with http.server.HTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
