"""A server in a process of its own, and clients that ask it over real sockets."""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

GITTRACK = [sys.executable, "-m", "gittrack"]


@contextmanager
def served(model, *options):
    process = subprocess.Popen(
        [*GITTRACK, "serve", str(model), "--port", "0", *options], stderr=subprocess.PIPE, text=True
    )
    try:
        found = (
            re.search(r"^serving .* at http://127\.0\.0\.1:(\d+)$", line) for line in process.stderr
        )
        yield process, int(next(filter(None, found))[1])
    finally:
        process.kill()  # its workers notice that they are alone
        process.communicate(timeout=60)


def head(length, *more):
    lines = ["POST /invocations HTTP/1.1", "Host: a", f"Content-Length: {length}", *more]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


def exchange(port, data, *, json_body=True):
    """Send bytes, and return the status, the headers and the body of the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(data)
        answer = http.client.HTTPResponse(client)
        answer.begin()
        body = answer.read()
        return answer.status, answer.headers, json.loads(body) if json_body else body


def post(port, rows, path="/invocations"):
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        json.dumps({"instances": rows}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def children(process):
    path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return {int(pid) for pid in path.read_text().split()}


def eventually(condition, seconds=60):
    until = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.05)
    return value


def samples(text):
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
