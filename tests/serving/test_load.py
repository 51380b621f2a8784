"""A thousand clients at once, and a description that fits what is answered."""

from __future__ import annotations

import re
import selectors
import signal
import socket
import subprocess
import time

import pytest
from sklearn.preprocessing import FunctionTransformer

from gittrack.models import ColSpec, ModelSignature, Schema
from gittrack.models.saving import save_model
from gittrack.serving.workers import _allow_files
from tests import parts
from tests.serving.driving import served

CLIENTS = 1000


class Client:
    """One connection that asks with numbers of its own, again and again."""

    def __init__(self, port, number, selector):
        self.number, self.asked, self.good = number, 0, 0
        self.received, self.closed = b"", False
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.selector = selector
        selector.register(self.socket, selectors.EVENT_READ, self)
        self.ask()

    def ask(self):
        self.asked += 1
        self.wanted = f"{self.number}000{self.asked}"
        body = b'{"instances":[[%s]]}' % self.wanted.encode()
        head = "POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        self.socket.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    def take(self, *, more):
        """Take in what has come; ask again where `more` is wanted and the server lets us."""
        self.received += self.socket.recv(1 << 16)
        head, end, body = self.received.partition(b"\r\n\r\n")
        length = re.search(rb"Content-Length: (\d+)", head)
        if not end or len(body) < int(length[1]):
            assert self.received, "closed without an answer"
            return
        assert head.startswith(b"HTTP/1.1 200"), self.received
        assert body == b'{"predictions": [[%s]]}' % self.wanted.encode()
        self.good, self.received = self.good + 1, b""
        if more and b"Connection: close" not in head:
            self.ask()
        else:
            self.selector.unregister(self.socket)
            self.socket.close()
            self.closed = True


def drive(port, seconds, *, meanwhile=lambda: None):
    """Let a thousand clients ask for some seconds, and return them when each has its answer."""
    selector = selectors.DefaultSelector()
    clients = [Client(port, number, selector) for number in range(1, CLIENTS + 1)]
    meanwhile()
    until = time.monotonic() + seconds
    while not all(client.closed for client in clients):
        ready = selector.select(timeout=60)
        assert ready, "nobody was answered for a minute"
        for key, _ in ready:
            key.data.take(more=time.monotonic() < until)
    return clients


@pytest.fixture
def model(tmp_path):
    save_model(FunctionTransformer(), tmp_path / "m", pyfunc_predict_fn="transform")
    return tmp_path / "m"


@pytest.fixture(autouse=True)
def many_files():
    _allow_files(CLIENTS)


@pytest.mark.slow
@pytest.mark.xdist_group("a thousand clients")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_thousand_clients_get_each_their_own_answers(model, workers):
    with served(model, "--workers", workers) as (_, port):
        clients = drive(port, 30)
        assert all(client.good == client.asked >= 1 for client in clients)


@pytest.mark.slow
@pytest.mark.xdist_group("a thousand clients")
def test_sigterm_among_a_thousand_clients_loses_no_request(model):
    with served(model, "--workers", "2") as (process, port):
        clients = drive(port, 60, meanwhile=lambda: process.send_signal(signal.SIGTERM))
        assert all(client.good == client.asked for client in clients)
        assert process.wait(timeout=90) == 0


@pytest.mark.slow
@pytest.mark.needs("env:schemathesis")
def test_the_description_fits_what_is_answered(tmp_path):
    signature = ModelSignature(Schema([ColSpec("long", "n"), ColSpec("double", "x")]))
    save_model(
        FunctionTransformer(), tmp_path / "m", pyfunc_predict_fn="transform", signature=signature
    )
    with served(tmp_path / "m") as (_, port):
        command = [str(parts.environment("schemathesis")), "-m", "schemathesis.cli", "run"]
        checks = "not_a_server_error,status_code_conformance,content_type_conformance"
        done = subprocess.run(
            [
                *command,
                f"http://127.0.0.1:{port}/openapi.json",
                "--phases=examples,coverage,fuzzing",
                "--max-examples=200",
                "--seed=8",
                f"--checks={checks},response_schema_conformance,unsupported_method",
                "--no-color",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        assert "0 errors" in done.stdout or "No issues found" in done.stdout, done.stdout
