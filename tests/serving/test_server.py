"""The server in processes of its own: real sockets, real requests, real signals."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager

import pytest
from sklearn.preprocessing import FunctionTransformer

from gittrack.errors import ToolError, UsageError
from gittrack.models.saving import save_model
from gittrack.serving import create_app
from gittrack.serving.server import Address, Server

RUN = "from gittrack.cli.models import serve; import sys; serve(sys.argv[1], port=0)"


def sleepy(data):
    time.sleep(0.5)
    return data


@pytest.fixture
def model(tmp_path):
    save_model(FunctionTransformer(), tmp_path / "model", pyfunc_predict_fn="transform")
    return tmp_path / "model"


@pytest.fixture
def slow_model(tmp_path):
    save_model(FunctionTransformer(sleepy), tmp_path / "slow", pyfunc_predict_fn="transform")
    return tmp_path / "slow"


@contextmanager
def served(model):
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, str(model)], stderr=subprocess.PIPE, text=True
    )
    try:
        said = process.stderr.readline()
        yield process, int(re.search(r"http://127\.0\.0\.1:(\d+)", said)[1])
    finally:
        process.kill()
        process.communicate()


@contextmanager
def running(server):
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server.address
    finally:
        server.stop()
        thread.join()


def post(port, rows, path="/invocations"):
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        json.dumps({"instances": rows}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def test_it_says_where_it_listens_and_answers_there(model):
    with served(model) as (_, port):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping") as answer:
            assert (answer.status, answer.read()) == (200, b"\n")
        assert post(port, [[1], [2]]) == {"predictions": [[1], [2]]}


def test_the_readmes_curl(tmp_path):
    save_model(FunctionTransformer(), tmp_path / "model", pyfunc_predict_fn="transform")
    with served(tmp_path / "model") as (_, port):
        body = '{"columns":[0],"index":[0,1],"data":[[1],[-1]]}'
        command = ["curl", "-s", "-d", body, "-H", "Content-Type: application/json"]
        done = subprocess.run(
            [*command, f"localhost:{port}/invocations"], capture_output=True, check=True
        )
        assert json.loads(done.stdout) == [{"0": 1}, {"0": -1}]


def test_one_connection_serves_many_requests(model):
    with served(model) as (_, port):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        for number in range(20):
            body = json.dumps({"instances": [[number]]})
            connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
            assert json.load(connection.getresponse()) == {"predictions": [[number]]}
        connection.close()


def test_a_chunked_body_is_read(model):
    with served(model) as (_, port):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        chunks = iter([b'{"instances"', b": [[1]]}"])
        connection.request(
            "POST",
            "/invocations",
            chunks,
            {"Content-Type": "application/json"},
            encode_chunked=True,
        )
        assert json.load(connection.getresponse()) == {"predictions": [[1]]}
        connection.close()


def test_sigterm_ends_it_with_its_answers_out(slow_model):
    with served(slow_model) as (process, port):
        answers = []
        threads = [
            threading.Thread(
                target=lambda n=number: answers.append(post(port, [[n]])["predictions"])
            )
            for number in range(6)
        ]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join()
        assert process.wait(timeout=30) == 0
        assert sorted(answers) == [[[number]] for number in range(6)]
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", port))


class Persistent(threading.Thread):
    """A client that asks on one connection until the server closes it."""

    def __init__(self, port, number):
        super().__init__()
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.connection.connect()
        self.number, self.answers, self.last, self.lost = number, 0, "", None

    def run(self):
        body = json.dumps({"instances": [[self.number]]})
        try:
            while self.last != "close":
                self.connection.request(
                    "POST", "/invocations", body, {"Content-Type": "application/json"}
                )
                answer = self.connection.getresponse()
                assert json.load(answer) == {"predictions": [[self.number]]}
                self.answers, self.last = self.answers + 1, answer.headers["Connection"]
        except (OSError, http.client.HTTPException) as error:
            self.lost = error
        finally:
            self.connection.close()


@pytest.mark.parametrize("chosen", ["model", "slow_model"])
def test_sigterm_loses_no_request_of_open_connections(chosen, request):
    with served(request.getfixturevalue(chosen)) as (process, port):
        clients = [Persistent(port, number) for number in range(24)]
        for client in clients:
            client.start()
        while sum(client.answers for client in clients) < 12:
            assert any(client.is_alive() for client in clients)
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        for client in clients:
            client.join()
        assert [client.lost for client in clients] == [None] * 24
        assert {client.last for client in clients} == {"close"}
        assert process.wait(timeout=30) == 0
        # A queue that grows is no news.
        assert process.stderr.read() == ""


def test_a_request_that_comes_in_parts_while_it_stops_is_answered(slow_model):
    with served(slow_model) as (process, port):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            busy = threading.Thread(target=post, args=(port, [[1]]))
            busy.start()
            connection.sendall(b"GET /ping HTTP/1.1\r\nHost:")
            time.sleep(0.2)
            process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
            connection.sendall(b" a\r\n\r\nGET /version HTTP/1.1\r\nHost: a\r\n\r\n")
            answers = b"".join(iter(lambda: connection.recv(1000), b""))
            busy.join()
        assert answers.count(b"HTTP/1.1 200 OK") == 2
        assert answers.count(b"Connection: close") == 1
        assert process.wait(timeout=30) == 0


@pytest.mark.slow
def test_connections_that_say_nothing_do_not_keep_it(model):
    with (
        served(model) as (process, port),
        socket.create_connection(("127.0.0.1", port)) as silent,
        socket.create_connection(("127.0.0.1", port)) as partial,
    ):
        partial.sendall(b"GET /ping HTTP/1.1\r\nHost:")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
        assert silent.recv(1) == b""
        assert partial.recv(1) == b""


def test_two_servers_do_not_share_a_port(model):
    app = create_app(model)
    with running(Server(app, port=0)) as address:
        with pytest.raises(ToolError, match=f":{address.port}: the port is in use") as caught:
            Server(app, port=address.port)
        assert "--port" in caught.value.hint


def test_a_port_can_be_taken_again_at_once(model):
    app = create_app(model)
    with running(Server(app, port=0)) as first:
        post(first.port, [[1]])
    with running(Server(app, port=first.port)) as second:
        assert post(second.port, [[1]]) == {"predictions": [[1]]}


def test_a_name_with_several_addresses(model):
    with running(Server(create_app(model), host="localhost", port=0)) as address:
        assert address.port > 0


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none(model, port):
    with pytest.raises(UsageError, match=f"port {port} is not between"):
        Server(create_app(model), port=port)


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_a_host_that_is_not_this_machine(model, host):
    with pytest.raises(ToolError, match=f"cannot serve on {host}"):
        Server(create_app(model), host=host, port=0)


def test_too_large_a_body_is_refused_before_it_is_read(model):
    app = create_app(model, max_body=1000)
    with (
        running(Server(app, port=0)) as address,
        socket.create_connection(("127.0.0.1", address.port)) as connection,
    ):
        head = "POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(12) == b"HTTP/1.1 413"


def test_the_address_of_ip_version_6():
    assert Address("::1", 80).url == "http://[::1]:80"
