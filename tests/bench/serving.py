"""What serving costs: each figure beside `mlflow models serve` 3.17, or beside the work by hand.

Clients speak HTTP over raw sockets that stay open, so that they are not what is measured.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests import parts
from tests.bench.measuring import row

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUESTS = 1500
ROUNDS = 3
BATCH = 1_000_000
PATIENCE = 120

MAKE = """
import sys, pandas as pd
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
X, y = load_wine(return_X_y=True, as_frame=True)
X.columns = [name.replace("/", "_") for name in X.columns]
model = LogisticRegression(max_iter=5000).fit(X, y)
if sys.argv[1] == "mlflow":
    import mlflow.sklearn, mlflow.models
    signature = mlflow.models.infer_signature(X, model.predict(X))
    kept = {"signature": signature, "serialization_format": "cloudpickle"}
    mlflow.sklearn.save_model(model, "theirs", **kept)
else:
    from gittrack.models import infer_signature
    from gittrack.models.saving import save_model
    save_model(model, "ours", signature=infer_signature(X, model.predict(X)))
    X.to_csv("wine.csv", index=False)
"""
BARE = """
import sys, time, pickle, pandas as pd
begin = time.perf_counter()
model = pickle.load(open(sys.argv[1], "rb"))
import sklearn.linear_model
frame = pd.read_csv("wine.csv").head(1)
model.predict(frame)
times = []
for _ in range(1000):
    begin = time.perf_counter(); model.predict(frame); times.append(time.perf_counter() - begin)
times.sort()
print(times[500])
"""
BY_HAND = """
import pickle, pandas as pd
model = pickle.load(open("ours/model.pkl", "rb"))
pd.DataFrame({"prediction": model.predict(pd.read_csv("many.csv"))}).to_csv("hand.csv", index=False)
"""


class Load(NamedTuple):
    """What clients saw: the latencies in seconds, sorted, and the requests a second."""

    latencies: list[float]
    rate: float

    @property
    def p50(self) -> float:
        return self.latencies[len(self.latencies) // 2]

    @property
    def p99(self) -> float:
        return self.latencies[len(self.latencies) * 99 // 100]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def command(who: str, port: int, workers: int) -> list[str]:
    options = ["--port", str(port), "--host", "127.0.0.1", "--workers", str(workers)]
    if who == "mlflow":
        python = str(parts.environment("mlflow-3.17"))
        return [
            python,
            "-m",
            "mlflow",
            *["models", "serve", "--env-manager", "local", "-m", "theirs"],
            *options,
        ]
    return [sys.executable, "-m", "gittrack", "serve", "ours", *options]


@contextmanager
def served(who: str, workers: int = 1) -> Iterator[tuple[int, float]]:
    """Give a server's port, and the seconds from its start to its first /ping."""
    port, begin = free_port(), time.perf_counter()
    path = f"{Path.cwd() / 'bin'}:{os.environ['PATH']}"
    process = subprocess.Popen(
        command(who, port, workers),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PATH": path},
        start_new_session=True,
    )
    try:
        while not pings(port):
            if process.poll() is not None or time.perf_counter() - begin > PATIENCE:
                raise AssertionError(f"{who} is not served")
            time.sleep(0.02)
        yield port, time.perf_counter() - begin
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def pings(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(b"GET /ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        return client.recv(100).startswith(b"HTTP/1.1 200")
    return False


def request(rows: int) -> bytes:
    lines = Path("wine.csv").read_text().splitlines()
    columns = lines[0].split(",")
    data = [[float(cell) for cell in line.split(",")] for line in lines[1:]]
    data = [data[number % len(data)] for number in range(rows)]
    body = json.dumps({"dataframe_split": {"columns": columns, "data": data}}).encode()
    lines = [
        "POST /invocations HTTP/1.1",
        "Host: a",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode() + body


def answered(received: bytes) -> bool:
    """Tell whether an answer has come whole."""
    head, end, body = received.partition(b"\r\n\r\n")
    if not end:
        return False
    if not head.startswith(b"HTTP/1.1 200"):
        raise AssertionError(received)
    length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
    return len(body) >= int(length)


def load(port: int, data: bytes, clients: int, requests: int) -> Load:
    """Let clients ask again and again, each on a connection of its own."""
    selector = selectors.DefaultSelector()
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(clients)]
    sent = dict.fromkeys(sockets, 0.0)
    received = dict.fromkeys(sockets, b"")
    latencies: list[float] = []
    for client in sockets:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(client, selectors.EVENT_READ)
    begin = time.perf_counter()
    for client in sockets:
        sent[client] = time.perf_counter()
        client.sendall(data)
    while len(latencies) < requests:
        for key, _ in selector.select():
            client = key.fileobj
            received[client] += client.recv(1 << 20)
            if answered(received[client]):
                now = time.perf_counter()
                latencies.append(now - sent[client])
                received[client], sent[client] = b"", now
                client.sendall(data)
    seconds = time.perf_counter() - begin
    for client in sockets:
        client.close()
    return Load(sorted(latencies), len(latencies) / seconds)


def median(values: list[float]) -> float:
    return statistics.median(values)


def measured(who: str, workers: int, clients: int, data: bytes, requests: int) -> list[Load]:
    with served(who, workers) as (port, _):
        load(port, data, clients, requests // 5)
        return [load(port, data, clients, requests) for _ in range(ROUNDS)]


def run(python: str, script: str, *arguments: str) -> tuple[float, str]:
    begin = time.perf_counter()
    done = subprocess.run(
        [python, "-c", script, *arguments], check=True, capture_output=True, text=True
    )
    return time.perf_counter() - begin, done.stdout


def one_row(theirs: str) -> None:
    data = request(1)
    bare = {
        "gittrack": float(run(sys.executable, BARE, "ours/model.pkl")[1]),
        "mlflow": float(run(theirs, BARE, "theirs/model.pkl")[1]),
    }
    loads = {who: measured(who, 1, 1, data, REQUESTS) for who in bare}
    p50 = {who: median([load.p50 for load in loads[who]]) for who in loads}
    p99 = {who: median([load.p99 for load in loads[who]]) for who in loads}
    own = {who: p50[who] - bare[who] for who in loads}
    words = ", ".join(f"{who} {own[who] * 1e3:.2f} ms" for who in own)
    row(f"one row, own cost ({words})", f"{own['gittrack'] / own['mlflow']:.2f}", "≤ 0.40")
    words = ", ".join(f"{who} {p99[who] * 1e3:.2f} ms" for who in p99)
    row(f"one row, p99 ({words})", f"{p99['gittrack'] / p99['mlflow']:.2f}", "< 1")
    compare("requests/s, 1 client", loads["gittrack"], loads["mlflow"], "≥ 1.6")


def compare(what: str, ours: list[Load], theirs: list[Load], aim: str) -> None:
    mine, other = median([load.rate for load in ours]), median([load.rate for load in theirs])
    row(f"{what} (gittrack {mine:.0f}, mlflow {other:.0f})", f"{mine / other:.2f}", aim)


def many_clients() -> None:
    data = request(1)
    ours = {workers: measured("gittrack", workers, 8, data, REQUESTS) for workers in (1, 2)}
    theirs = {workers: measured("mlflow", workers, 8, data, REQUESTS) for workers in (1, 2)}
    for workers, loads in ours.items():
        what = f"requests/s, 8 clients, {workers} worker(s) each"
        compare(what, loads, theirs[workers], "≥ 1.4")
    compare("requests/s, 8 clients, 2 workers beside 1", ours[2], theirs[1], "≥ 3")


def large_body() -> None:
    data = request(10_000)
    ours, theirs = (measured(who, 1, 1, data, 15) for who in ("gittrack", "mlflow"))
    mine, other = (median([load.p50 for load in loads]) for loads in (ours, theirs))
    row(
        f"10,000 rows of JSON (gittrack {mine:.2f} s, mlflow {other:.2f} s)",
        f"{other / mine:.2f}",
        "≥ 2",
    )


def readiness() -> None:
    script = "import sys, pickle, sklearn, pandas; pickle.load(open(sys.argv[1], 'rb'))"
    bare = median([run(sys.executable, script, "ours/model.pkl")[0] for _ in range(5)])
    times = {}
    for who in ("gittrack", "mlflow"):
        times[who] = []
        for _ in range(3):
            with served(who) as (_, seconds):
                times[who].append(seconds)
    ours, theirs = median(times["gittrack"]), median(times["mlflow"])
    row(
        f"ready (bare load {bare:.2f} s, mlflow {theirs:.1f} s)",
        f"+{ours - bare:.2f} s",
        "≤ 1 s beyond the bare load",
    )


def batch() -> None:
    lines = Path("wine.csv").read_text().splitlines(keepends=True)
    with Path("many.csv").open("w") as file:
        file.write(lines[0])
        file.writelines(lines[1 + number % (len(lines) - 1)] for number in range(BATCH))
    by_hand = [run(sys.executable, BY_HAND)[0] for _ in range(ROUNDS)]
    ours = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        arguments = ["predict", "ours", "-i", "many.csv", "-o", "ours.csv"]
        subprocess.run(
            [sys.executable, "-m", "gittrack", *arguments], check=True, capture_output=True
        )
        ours.append(time.perf_counter() - begin)
    if Path("ours.csv").read_bytes() != Path("hand.csv").read_bytes():
        raise AssertionError("the predictions are not those made by hand")
    hand = median(by_hand)
    row(f"predict {BATCH:,} rows (by hand {hand:.2f} s)", f"{median(ours) / hand:.2f}", "≤ 1.30")


def main() -> None:
    theirs = str(parts.environment("mlflow-3.17"))
    run(sys.executable, MAKE, "gittrack")
    run(theirs, MAKE, "mlflow")
    # Its server starts a program by name, and the scripts of a moved environment name no Python.
    Path("bin").mkdir()
    Path("bin/uvicorn").write_text(f'#!/bin/sh\nexec {theirs} -m uvicorn "$@"\n')
    Path("bin/uvicorn").chmod(0o755)
    one_row(theirs)
    many_clients()
    large_body()
    readiness()
    batch()
