"""What logging costs: start-up, a short run, single calls beside a bare loop."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.bench.measuring import ROUNDS, best, process, row

CALLS = 20_000


def raw_loop(folder: Path) -> float:
    """Return the seconds of a bare loop that appends the same lines."""
    descriptor = os.open(folder / "raw.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def one(i: int) -> None:
        line = '{"step":%d,"time":%d,"metrics":{"loss":%r}}\n'
        os.write(descriptor, (line % (i, time.time_ns() // 1000000, 1 / (i + 1))).encode())

    def loop() -> None:
        for i in range(CALLS):
            one(i)

    return best(loop)


def logging_loop() -> float:
    """Return the seconds of as many public calls in an open run."""
    import gittrack

    with gittrack.start_run():

        def loop() -> None:
            for i in range(CALLS):
                gittrack.log_metric("loss", 1 / (i + 1), step=i)

        return best(loop)


def params_loop() -> float:
    """Return the seconds of a hundred calls of log_param."""
    import gittrack

    times = []
    for _ in range(ROUNDS):
        with gittrack.start_run():
            begin = time.perf_counter()
            for i in range(100):
                gittrack.log_param(f"param{i}", i)
            times.append(time.perf_counter() - begin)
    return min(times)


def main() -> None:
    folder = Path.cwd()
    (folder / "script.py").write_text(
        "import gittrack\n"
        "with gittrack.start_run():\n"
        "    gittrack.log_params({str(i): i for i in range(5)})\n"
        "    for i in range(10): gittrack.log_metric('loss', i, step=i)\n"
    )
    bare = process("-c", "pass")
    rows = [
        ("import gittrack", process("-c", "import gittrack") - bare, "≤ 0.030 s"),
        ("gittrack --version", process("-m", "gittrack", "--version"), "≤ 0.120 s"),
        ("gittrack --help", process("-m", "gittrack", "--help"), "≤ 0.150 s"),
        ("one short run, over bare Python", process("script.py") - bare, "≤ 0.120 s"),
        ("gittrack ls", process("-m", "gittrack", "ls"), "≤ 0.250 s"),
        ("100 calls of log_param", params_loop(), "≤ 0.003 s"),
    ]
    for what, seconds, aim in rows:
        row(what, f"{seconds:.4f} s", aim)
    raw, logged = raw_loop(folder), logging_loop()
    row(
        "log_metric",
        f"{logged / CALLS * 1e6:.2f} µs",
        f"{raw / logged:.2f} of the bare loop, ≥ 0.65",
    )
