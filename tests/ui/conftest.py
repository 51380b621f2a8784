"""A server in a process of its own, and a real browser that looks at it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gittrack.runs.store import Store
from tests.ui import gallery

SOURCE = Path(__file__).parent.parent.parent
PICTURES = SOURCE / "tests" / "output" / "ui"
CHROMIUM = shutil.which("chromium") or "chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP rebound.example 127.0.0.1",
)
SECONDS = 60


@dataclass
class Served:
    """A running `gittrack ui`, and the runs it shows."""

    url: str
    store: Store


def environment(home: Path) -> dict[str, str]:
    """Return an environment that is nobody's."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GITTRACK_", "MLFLOW_", "GIT_", "XDG_"))
    }
    return {
        **kept,
        "HOME": str(home),
        "PYTHONPATH": str(SOURCE),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
    }


def start(
    folder: Path, home: Path, *arguments: str, program: str = "", **variables: str
) -> tuple[subprocess.Popen[str], str]:
    """Start a server in a folder, and return its process and address when it is ready."""
    how = ["-c", program] if program else ["-m", "gittrack"]
    process = subprocess.Popen(
        [sys.executable, *how, "ui", "--port", "0", *arguments],
        cwd=folder,
        env={**environment(home), **variables},
        stderr=subprocess.PIPE,
        text=True,
    )
    said = ""
    for line in process.stderr:
        said += line
        if found := re.search(r"http://\S+", line):
            return process, found[0]
    process.wait()
    raise AssertionError(said)


def stop(process: subprocess.Popen[str]) -> str:
    """Stop a server, and return what it said meanwhile."""
    process.terminate()
    _, said = process.communicate(timeout=SECONDS)
    return said


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The gallery in a Git repository, served; no page may fail."""
    folder = tmp_path_factory.mktemp("site")
    store = Store.open(folder / "mlruns")
    gallery.fill(store)
    gallery.commit(folder, "runs")
    process, url = start(folder, folder)
    yield Served(url, store)
    assert "incident" not in stop(process)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, for the tests of one module: its event loop must not outlive them."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])
        yield chromium
        chromium.close()


@dataclass
class Complaints:
    """What went wrong on a page, and what a test expects to go wrong."""

    found: list[str] = field(default_factory=list)
    expected: str = ""

    def unexpected(self) -> list[str]:
        """Return what no test expects."""
        if not self.expected:
            return self.found
        return [text for text in self.found if not re.search(self.expected, text)]


def note_failure(asked: Any, note: Callable[[str], None]) -> None:
    """Note a request that failed, but for those that a page gave up when it was left."""
    if asked.failure != "net::ERR_ABORTED":
        note(f"failed: {asked.url} {asked.failure}")


def watched(page: Any) -> Complaints:
    """Note every error of a page and every request that fails or leaves this machine."""
    complaints = Complaints()
    note = complaints.found.append
    page.on("console", lambda said: said.type in ("error", "warning") and note(said.text))
    page.on("pageerror", lambda error: note(f"error: {error}"))
    page.on("requestfailed", lambda asked: note_failure(asked, note))
    page.on("response", lambda got: got.status >= 400 and note(f"{got.status}: {got.url}"))
    page.on(
        "request",
        lambda asked: (
            not re.match(r"(http://(127\.0\.0\.1|localhost):|file:|data:|blob:|about:)", asked.url)
            and note(f"asked: {asked.url}")
        ),
    )
    return complaints


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A fresh page; the test fails on any console message, failed request or foreign address."""
    context = browser.new_context(
        viewport={"width": 1400, "height": 850}, timezone_id="Europe/Berlin", locale="en-GB"
    )
    context.set_default_timeout(SECONDS * 1000)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    fresh = context.new_page()
    fresh.complaints = watched(fresh)
    yield fresh
    context.close()
    assert fresh.complaints.unexpected() == []


def picture(page: Any, name: str) -> None:
    """Keep a picture of a page among the test's output."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)
