"""The web pages with 10,000 runs, and 100 curves of 10,000 values, beside `mlflow ui`."""

from __future__ import annotations

import json
import os
import re
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gittrack import paths
from gittrack.runs.record import to_bytes
from gittrack.runs.store import Store
from tests import parts
from tests.bench.measuring import row
from tests.making import START, record
from tests.ui.conftest import CHROMIUM, FLAGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RUNS = 10_000
CURVES = 100
POINTS = 10_000
ROUNDS = 5
PEER = "mlflow-3.17"
PATIENCE = 300


def write_runs(store: Store) -> None:
    """Write the runs: 10 params and 5 metrics each."""
    folder = store.root / store.create_experiment("many").experiment_id
    for number in range(RUNS):
        made = record(
            f"r{number:09}",
            name=f"run-{number}",
            experiment="many",
            start_time=START + number * 1000,
            params={f"param{i}": (number * 7 + i) % 97 / 10 for i in range(10)},
            metrics={f"metric{i}": ((number * 31 + i) % 1009) / 1009 for i in range(5)},
        )
        place = folder / paths.run_folder_name(made.run_id, made.start_time)
        place.mkdir()
        (place / paths.RUN_JSON).write_bytes(to_bytes(made))


def write_curves(store: Store) -> list[str]:
    """Write runs with long curves, and return their ids."""
    folder = store.root / store.create_experiment("curves").experiment_id
    ids = []
    for number in range(CURVES):
        made = record(f"c{number:09}", experiment="curves", start_time=START + number)
        place = folder / paths.run_folder_name(made.run_id, made.start_time)
        place.mkdir()
        (place / paths.RUN_JSON).write_bytes(to_bytes(made))
        values = (
            f"{(step * (number + 3)) % 1013 / 1013 / (1 + step):.9f}" for step in range(POINTS)
        )
        (place / "metrics.jsonl").write_text(
            "".join(
                f'{{"step":{step},"time":{START + step * 100},"metrics":{{"loss":{value}}}}}\n'
                for step, value in enumerate(values)
            )
        )
        ids.append(made.run_id)
    return ids


@contextmanager
def server(command: list[str], url: str = "", **given: Any) -> Iterator[tuple[str, float, int]]:
    """Start a server, and give its address, the seconds until it answered, and its process."""
    begin = time.perf_counter()
    given.setdefault("stderr", subprocess.PIPE)
    process = subprocess.Popen(command, text=True, **given)
    try:
        while not url:
            found = re.search(r"http://\S+", process.stderr.readline())
            url = found[0] if found else ""
        answered(url)
        yield url, time.perf_counter() - begin, process.pid
    finally:
        process.terminate()
        process.communicate()


def answered(url: str) -> None:
    """Wait until a server answers."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url).read()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"{url} does not answer")


def seconds(work: Callable[[], object]) -> float:
    """Return the median of some rounds."""
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def memory(pid: int) -> float:
    """Return the MB that a process and its children hold."""
    listed = subprocess.run(
        ["ps", "-eo", "pid=,ppid=,rss="], capture_output=True, text=True, check=True
    )
    rows = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
    family = {pid}
    while more := {one for one, parent, _ in rows if parent in family} - family:
        family |= more
    return sum(rss for one, _, rss in rows if one in family) / 1000


def look(url: str, ids: list[str]) -> None:
    """Measure the pages in a browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])
        page = browser.new_page()

        def first_row() -> None:
            page.goto("about:blank")
            page.goto(f"{url}/index.html", wait_until="commit")
            page.wait_for_selector("#table tbody th a")

        def sort() -> None:
            before = page.locator("#table tbody th a").first.inner_text()
            page.click("[data-key='params.param3']")
            page.wait_for_function(
                "name => document.querySelector('#table tbody th a').innerText !== name", arg=before
            )

        def curves() -> None:
            page.goto("about:blank")
            page.goto(f"{url}/compare.html#runs={','.join(ids)}", wait_until="commit")
            page.wait_for_selector(f"#curves [data-drawn='{len(ids)}']")

        row("from navigation to the first row", f"{seconds(first_row):.2f} s", "≤ 1 s")
        row("a click on a header", f"{seconds(sort):.2f} s", "≤ 1 s")
        begin = time.perf_counter()
        curves()
        row("100 curves, read for the first time", f"{time.perf_counter() - begin:.2f} s")
        row("100 curves of 10,000 values drawn", f"{seconds(curves):.2f} s", "≤ 1.5 s")
        browser.close()


def peer(folder: Path) -> None:
    """Measure `mlflow ui` on the same runs."""
    python = parts.environment(PEER)
    if not python.exists():
        row("mlflow ui", "not installed")
        return
    subprocess.run(
        [sys.executable, "-m", "gittrack", "export", "mlflow", "peer"], check=True, cwd=folder
    )
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    command = [str(python), "-m", "mlflow", "ui", "--port", str(port), "--backend-store-uri"]
    environment = {**os.environ, "MLFLOW_ALLOW_FILE_STORE": "true"}
    given = {
        "env": environment,
        "cwd": folder,
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
    }
    uri = (folder / "peer").as_uri()
    with server([*command, uri], f"http://127.0.0.1:{port}/", **given) as (url, ready, pid):
        experiments = json.loads(
            urllib.request.urlopen(f"{url}api/2.0/mlflow/experiments/search?max_results=50").read()
        )["experiments"]
        asked = {"experiment_ids": [one["experiment_id"] for one in experiments]}
        request = urllib.request.Request(
            f"{url}api/2.0/mlflow/runs/search",
            json.dumps({**asked, "max_results": 100}).encode(),
            {"Content-Type": "application/json"},
        )
        first = seconds(lambda: urllib.request.urlopen(request).read())
        row("mlflow ui: ready", f"{ready:.2f} s")
        row("mlflow ui: 100 of the runs answered", f"{first:.2f} s")
        row("mlflow ui: memory", f"{memory(pid):.0f} MB")


def main() -> None:
    folder = Path.cwd()
    store = Store.open(folder / "mlruns")
    write_runs(store)
    ids = write_curves(store)
    command = [sys.executable, "-m", "gittrack", "ui", "--port", "0"]
    starts = []
    for _ in range(ROUNDS):
        with server(command, cwd=folder) as (_, ready, _):
            starts.append(ready)
    row(f"ready (first {starts[0]:.2f} s)", f"{statistics.median(starts):.2f} s", "≤ 0.5 s")
    with server(command, cwd=folder) as (url, _, pid):
        begin = time.perf_counter()
        urllib.request.urlopen(f"{url}/").read()
        row(
            "the first page answered, right after the start", f"{time.perf_counter() - begin:.2f} s"
        )
        begin = time.perf_counter()
        urllib.request.urlopen(f"{url}/data/runs.json").read()
        row("all runs read for the first time", f"{time.perf_counter() - begin:.2f} s")
        page = seconds(lambda: urllib.request.urlopen(f"{url}/").read())
        row("the first page answered", f"{page:.3f} s", "≤ 0.3 s")
        data = seconds(lambda: urllib.request.urlopen(f"{url}/data/runs.json").read())
        row("all runs answered", f"{data:.2f} s")
        look(url, ids)
        row("memory of the server", f"{memory(pid):.0f} MB", "≤ 150 MB")
    peer(folder)
