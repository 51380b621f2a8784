"""The processes of a server: as many as wanted, on one socket, each replaced when it ends."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sklearn.preprocessing import FunctionTransformer

from gittrack.errors import UsageError
from gittrack.models.saving import save_model
from gittrack.serving import workers
from gittrack.serving.server import Limits
from tests.serving.driving import GITTRACK, children, eventually, head, post, samples, served

KILLED_AS_ONE_BEGINS = """
import os, signal, sys, time
from gittrack.serving import workers
first, real = os.getpid(), signal.signal
def kill_first(*given):
    if os.getppid() == first:
        print(os.getpid(), flush=True)
        os.kill(first, signal.SIGKILL)
        while os.getppid() == first:
            time.sleep(0.001)
    return real(*given)
signal.signal = kill_first
workers.serve(workers.Service(sys.argv[1]), port=0, on_ready=print)
"""


def who(data):
    return [[os.getpid()] for _ in range(len(data))]


def stuck_on_zero(data):
    if data[0][0] == 0:
        threading.Event().wait()
    return data


def hogging_on_zero(data):
    if data[0][0] == 0:
        import re

        re.match(r"(a*)*$", "a" * 40 + "b")  # in C, and it never lets go of the interpreter
    return data


def saved(function, path):
    save_model(FunctionTransformer(function), path, pyfunc_predict_fn="transform")
    return path


def answered_by(port):
    with contextlib.suppress(OSError, http.client.HTTPException):
        return post(port, [[1]])["predictions"][0][0]
    return None


class Asker(threading.Thread):
    """A client that asks with its own number for ever, on connections of its own."""

    def __init__(self, port, number):
        super().__init__(daemon=True)
        self.port, self.number, self.good, self.lost, self.ended = port, number, 0, 0, False

    def run(self):
        body = json.dumps({"instances": [[self.number]]})
        while not self.ended:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            try:
                for _ in range(20):
                    kind = {"Content-Type": "application/json"}
                    connection.request("POST", "/invocations", body, kind)
                    assert json.load(connection.getresponse())["predictions"] == [[self.number]]
                    self.good += 1
            except OSError:
                self.lost += 1
            except http.client.HTTPException:
                self.lost += 1
            finally:
                connection.close()


def test_all_workers_answer_on_one_port(tmp_path):
    with served(saved(who, tmp_path / "m"), "--workers", "2") as (process, port):
        found = set()

        def two_have_answered():
            found.add(answered_by(port))
            return found == children(process)

        eventually(two_have_answered)
        assert len(found) == 2


def test_many_connections_are_shared_out(tmp_path):
    with served(saved(who, tmp_path / "m"), "--workers", "2") as (_, port):
        body = json.dumps({"instances": [[1]]})
        connections, answers = [], []

        def two_have_answered():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
            answers.append(json.load(connection.getresponse())["predictions"][0][0])
            connections.append(connection)
            return len(set(answers)) == 2

        eventually(two_have_answered)
        for connection in connections:
            connection.close()


def test_a_killed_worker_is_replaced_and_the_others_go_on(tmp_path):
    with served(saved(who, tmp_path / "m"), "--workers", "2") as (process, port):
        before = children(process)
        victim = min(before)
        os.kill(victim, signal.SIGKILL)
        survivor = (before - {victim}).pop()
        assert eventually(lambda: answered_by(port)) is not None
        after = eventually(lambda: (now := children(process)) - before and len(now) == 2 and now)
        assert survivor in after
        new = (after - before).pop()
        eventually(lambda: answered_by(port) == new)
        process.terminate()
        assert process.wait(timeout=60) == 0
        assert f"worker {victim} ended with exit code -9; it is replaced" in process.stderr.read()


@pytest.mark.slow
def test_workers_killed_under_load_lose_no_more_than_what_they_had(tmp_path):
    with served(saved(None, tmp_path / "m"), "--workers", "2") as (process, port):
        askers = [Asker(port, number) for number in range(8)]
        for asker in askers:
            asker.start()
        for _ in range(3):
            eventually(lambda: len(children(process)) == 2)
            goods = [asker.good for asker in askers]
            eventually(lambda goods=goods: sum(asker.good for asker in askers) > sum(goods) + 100)
            os.kill(min(children(process)), signal.SIGKILL)
        goods = [asker.good for asker in askers]
        eventually(lambda: all(a.good > good + 5 for a, good in zip(askers, goods, strict=True)))
        for asker in askers:
            asker.ended = True
            asker.join()
        # A kill takes at most the request that each client had under way, or its new connection.
        assert sum(asker.lost for asker in askers) <= 2 * 3 * 8


def test_a_prediction_that_never_ends_costs_its_worker_and_no_other_client(tmp_path):
    model = saved(stuck_on_zero, tmp_path / "m")
    with served(model, "--timeout", "5") as (process, port):
        before = children(process)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        body = b'{"instances":[[0]]}'
        connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert answer.status == 504
        assert json.load(answer)["error_code"] == "DEADLINE_EXCEEDED"
        eventually(lambda: not before & children(process))
        assert post(port, [[2]]) == {"predictions": [[2]]}
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as asked:
            asked.request("GET", "/metrics")
            found = samples(asked.getresponse().read().decode())
        assert found["gittrack_requests_total", "/invocations", "504"] == 1
        assert found["gittrack_worker_starts_total",] == 2


@pytest.mark.slow
def test_a_model_that_lets_nobody_else_run_is_killed(tmp_path):
    model = saved(hogging_on_zero, tmp_path / "m")
    with served(model, "--timeout", "0.5") as (process, port):
        before = children(process)

        def replaced():
            # On a busy machine a request may be answered 504 before the model has it.
            with contextlib.suppress(OSError, http.client.HTTPException):
                post(port, [[0]])
            return not before & children(process)

        eventually(replaced)
        eventually(lambda: answered_by(port) == 1)
        process.terminate()
        told = process.communicate(timeout=60)[1].splitlines()
        # Once for each that was killed, however long a busy machine takes to end it.
        silent = [line for line in told if "does not answer" in line]
        assert len(silent) == len(set(silent))


@pytest.mark.slow
def test_a_worker_that_stands_still_is_killed_and_told_of_once(tmp_path):
    with served(saved(who, tmp_path / "m"), "--timeout", "0.5") as (process, port):
        (still,) = children(process)
        os.kill(still, signal.SIGSTOP)
        eventually(lambda: still not in children(process))
        assert eventually(lambda: answered_by(port)) != still
        process.terminate()
        told = process.communicate(timeout=60)[1]
    assert told.count(f"worker {still} does not answer; it is killed") == 1
    assert told.count(f"worker {still} ended with exit code -9; it is replaced") == 1


def test_workers_end_when_the_first_process_is_killed(tmp_path):
    with served(saved(None, tmp_path / "m"), "--workers", "2") as (process, _):
        left = children(process)
        process.kill()
        process.wait()
        eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in left))


def test_a_worker_whose_first_process_is_killed_as_it_begins_ends(tmp_path):
    command = [sys.executable, "-c", KILLED_AS_ONE_BEGINS, saved(None, tmp_path / "m")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        worker = int(process.stdout.readline())
    try:
        eventually(lambda: not Path(f"/proc/{worker}").exists())
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)


def test_an_interrupt_ends_them_all(tmp_path):
    model = saved(None, tmp_path / "m")
    process = subprocess.Popen(
        [*GITTRACK, "serve", str(model), "-p", "0", "--workers", "2"],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert "serving" in process.stderr.readline()
    left = children(process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does it
    assert process.wait(timeout=60) == 130
    assert not any(Path(f"/proc/{pid}").exists() for pid in left)
    assert process.communicate()[1] == ""


def test_a_second_signal_does_not_wait(tmp_path):
    with (
        served(saved(stuck_on_zero, tmp_path / "m"), "--timeout", "600") as (process, port),
        socket.create_connection(("127.0.0.1", port)) as client,
    ):
        client.sendall(head(19, "Content-Type: application/json") + b'{"instances":[[0]]}')
        process.terminate()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=3)
        process.terminate()
        assert process.wait(timeout=60) == 0


def test_a_model_that_cannot_be_loaded_is_told_once(tmp_path):
    model = saved(None, tmp_path / "m")
    (model / "model.pkl").write_bytes(b"broken")
    done = subprocess.run(
        [*GITTRACK, "serve", str(model), "-p", "0", "--workers", "3"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("error:") == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", ["0", "1000000"])
def test_a_number_of_workers_that_cannot_serve(tmp_path, number):
    model = saved(None, tmp_path / "m")
    command = [*GITTRACK, "serve", str(model), "-p", "0", "--workers", number]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"{number} workers cannot answer" in done.stderr


@pytest.mark.parametrize(
    "limits",
    [
        {"limits": Limits(request_seconds=0.0)},
        {"limits": Limits(request_seconds=float("nan"))},
        {"limits": Limits(read_seconds=float("inf"))},
        {"limits": Limits(read_seconds=-1.0)},
        {"max_body": 0},
    ],
)
def test_limits_that_let_nothing_be_answered(limits):
    with pytest.raises(UsageError, match="--(timeout|read-timeout|max-body) .* is no time|no body"):
        workers.serve(workers.Service("m", **limits), port=0, on_ready=print)


@pytest.mark.needs("module:gunicorn")
def test_gunicorn_serves_the_application(tmp_path):
    model = saved(None, tmp_path / "m")
    command = [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", "--workers", "2"]
    command += ["--timeout", "300"]
    process = subprocess.Popen(
        [*command, f"gittrack.serving:create_app({str(model)!r}, max_body=1000)"],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        line = next(line for line in process.stderr if "Listening at" in line)
        port = int(line.rsplit(":", 1)[1].split()[0])
        assert post(port, [[1], [2]]) == {"predictions": [[1], [2]]}
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
            chunks = iter([b'{"instances"', b": [[1]]}"])
            kind = {"Content-Type": "application/json"}
            connection.request("POST", "/invocations", chunks, kind, encode_chunked=True)
            assert json.load(connection.getresponse()) == {"predictions": [[1]]}
            connection.request("POST", "/invocations", b" " * 1001, kind)
            assert connection.getresponse().status == 413
    finally:
        process.terminate()
        process.communicate(timeout=60)
