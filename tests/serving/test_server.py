"""The server in processes of its own: real sockets, real requests, real signals."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress

import pytest
from sklearn.preprocessing import FunctionTransformer

from gittrack.models.saving import save_model
from gittrack.serving import create_app
from gittrack.serving.listening import bind
from gittrack.serving.server import Limits, Server
from tests.serving.driving import eventually, exchange, head, post, served


def sleepy(data):
    time.sleep(0.5)
    return data


def long(data):
    time.sleep(3.5)
    return data


def endless(data):
    threading.Event().wait()
    return data


def huge(_):
    return "x" * 40_000_000


@pytest.fixture
def model(tmp_path):
    save_model(FunctionTransformer(), tmp_path / "model", pyfunc_predict_fn="transform")
    return tmp_path / "model"


@pytest.fixture
def slow_model(tmp_path):
    save_model(FunctionTransformer(sleepy), tmp_path / "slow", pyfunc_predict_fn="transform")
    return tmp_path / "slow"


@contextmanager
def running(app, *, port=0, **options):
    listener = bind(port=port)
    port = listener.getsockname()[1]
    server = Server(app, listener, **options)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield port
    finally:
        server.stop()
        thread.join()


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


def asked(port, number):
    """Return a connection whose request has been sent, and whose answer is not read yet."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    body = json.dumps({"instances": [[number]]})
    connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
    return connection


def answer_of(connection):
    with closing(connection):
        return json.load(connection.getresponse())["predictions"]


def test_sigterm_ends_it_with_its_answers_out(slow_model):
    with served(slow_model) as (process, port):
        connections = [asked(port, number) for number in range(10)]
        # The first four are answered at once; of the others four are under way then, and two wait.
        answers = [answer_of(connections[0])]
        process.send_signal(signal.SIGTERM)
        answers += [answer_of(connection) for connection in connections[1:]]
        assert answers == [[[number]] for number in range(10)]
        assert process.wait(timeout=120) == 0
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
        assert process.wait(timeout=120) == 0
        # A queue that grows is no news.
        assert process.stderr.read() == ""


def refuses(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_request_that_comes_in_parts_while_it_stops_is_answered(slow_model):
    with served(slow_model) as (process, port):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"GET /ping HTTP/1.1\r\nHost:")
            busy = asked(port, 1)
            # When this later one has its answer, the two before it have been accepted.
            exchange(port, b"GET /ping HTTP/1.0\r\n\r\n", json_body=False)
            process.send_signal(signal.SIGTERM)
            eventually(lambda: refuses(port))
            connection.sendall(b" a\r\n\r\nGET /version HTTP/1.1\r\nHost: a\r\n\r\n")
            answers = b"".join(iter(lambda: connection.recv(1000), b""))
            assert answer_of(busy) == [[1]]
        assert answers.count(b"HTTP/1.1 200 OK") == 2
        assert answers.count(b"Connection: close") == 1
        assert process.wait(timeout=120) == 0


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


def test_a_port_can_be_taken_again_at_once(model):
    app = create_app(model)
    with running(app) as port:
        post(port, [[1]])
    with running(app, port=port) as again:
        assert post(again, [[1]]) == {"predictions": [[1]]}


def test_too_large_a_body_is_refused_before_it_is_read(model):
    with running(create_app(model, max_body=1000)) as port:
        status, headers, body = exchange(port, head(5000))
        assert (status, headers["Connection"]) == (413, "close")
        assert body["message"] == "the body is larger than 1000 bytes"


def test_who_sends_a_body_that_is_too_large_still_reads_the_answer(model):
    with running(create_app(model, max_body=1000)) as port:
        status, _, body = exchange(port, head(30_000_000) + b" " * 30_000_000)
        assert (status, body["error_code"]) == (413, "BAD_REQUEST")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: many\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * 300_000 + b"\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    ],
)
def test_what_is_no_request_is_told_so_as_json(model, sent, status):
    with running(create_app(model)) as port:
        answered, headers, body = exchange(port, sent)
        assert (answered, headers["Content-Type"]) == (status, "application/json")
        assert set(body) == {"error_code", "message"}


def test_a_request_that_never_ends_is_given_up(model):
    with running(create_app(model), limits=Limits(read_seconds=0.3)) as port:
        status, _, body = exchange(port, b"POST /invocations HTTP/1.1\r\nHost:")
        assert (status, body["message"]) == (408, "the request did not end in time")


def test_a_request_that_trickles_is_given_up_too(model):
    with (
        running(create_app(model), limits=Limits(read_seconds=0.5)) as port,
        socket.create_connection(("127.0.0.1", port), timeout=60) as client,
    ):
        client.sendall(head(1000))
        client.setblocking(False)
        answer = b""
        while b"408 Request Timeout" not in answer:
            client.send(b" ")
            time.sleep(0.05)
            with suppress(BlockingIOError):
                answer += client.recv(1000)


def test_a_prediction_that_takes_too_long_is_answered_and_ends_the_server(tmp_path):
    save_model(FunctionTransformer(endless), tmp_path / "m", pyfunc_predict_fn="transform")
    app, told = create_app(tmp_path / "m"), []
    listener = bind(port=0)
    server = Server(
        app, listener, limits=Limits(request_seconds=0.5), on_overtime=lambda: told.append(1)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    status, headers, body = exchange(
        listener.getsockname()[1],
        head(19, "Content-Type: application/json") + b'{"instances":[[1]]}',
    )
    assert (status, headers["Connection"]) == (504, "close")
    assert body == {
        "error_code": "DEADLINE_EXCEEDED",
        "message": "the answer took more than 0.5 seconds",
    }
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert told == [1]
    assert app.row.count("/invocations", 504) == 1


@pytest.mark.slow
def test_what_a_request_waits_for_its_turn_is_not_held_against_its_worker(tmp_path):
    save_model(FunctionTransformer(long), tmp_path / "m", pyfunc_predict_fn="transform")
    limits = Limits(request_seconds=6, threads=1)
    with running(create_app(tmp_path / "m"), limits=limits) as port, ThreadPoolExecutor() as pool:
        answers = pool.map(post, [port] * 2, [[[1]]] * 2)
        assert list(answers) == [{"predictions": [[1]]}] * 2


@pytest.mark.slow
def test_a_client_that_does_not_read_holds_no_thread_for_ever(tmp_path):
    save_model(FunctionTransformer(huge), tmp_path / "m", pyfunc_predict_fn="transform")
    body = b'{"instances":[[1]]}'
    # An answer that is not written by then, on a busy machine, would end the whole server.
    limits = Limits(request_seconds=10, threads=1)
    with (
        running(create_app(tmp_path / "m"), limits=limits) as port,
        socket.create_connection(("127.0.0.1", port)) as client,
    ):
        # Before the second answer is written, the thread waits for the first to be read.
        client.sendall((head(len(body), "Content-Type: application/json") + body) * 2)
        assert exchange(port, b"GET /ping HTTP/1.0\r\n\r\n", json_body=False)[0] in (200, 504)
        # The one thread is free again, since the client was let go.
        assert exchange(port, b"GET /ping HTTP/1.0\r\n\r\n", json_body=False)[0] == 200
