"""What /metrics tells, read by Prometheus' own parser."""

from __future__ import annotations

import os

from gittrack.serving.metrics import BOUNDS, Board
from tests.serving.driving import samples


def test_answers_are_counted_by_path_and_status():
    board = Board()
    for status in (200, 200, 400):
        board.rows[0].answered("/invocations", status, 0.002)
    board.rows[0].answered("/../etc", 404)
    found = samples(board.text().decode())
    assert found["gittrack_requests_total", "/invocations", "200"] == 2
    assert found["gittrack_requests_total", "/invocations", "400"] == 1
    assert found["gittrack_requests_total", "404", "other"] == 1
    assert found["gittrack_request_seconds_count",] == 3
    assert found["gittrack_request_seconds_sum",] == 0.006


def test_a_histogram_counts_all_that_is_no_longer_than_each_bound():
    board = Board()
    for seconds in (*BOUNDS, 1000.0):
        board.rows[0].predicted(seconds)
    found = samples(board.text().decode())
    for number, bound in enumerate(BOUNDS, 1):
        assert found["gittrack_model_seconds_bucket", str(bound)] == number
    assert found["gittrack_model_seconds_bucket", "+Inf"] == len(BOUNDS) + 1


def test_workers_are_told_together_and_a_successor_goes_on_where_one_ended():
    board = Board(2)
    for row in board.rows:
        row.begin()
        row.answered("/ping", 200)
        row.beat(3)
    board.rows[0].begin()
    found = samples(board.text().decode())
    assert found["gittrack_requests_total", "/ping", "200"] == 2
    assert found["gittrack_worker_starts_total",] == 3
    assert found["gittrack_connections",] == 3
    assert found["gittrack_workers",] == 2


def test_a_forked_process_writes_into_the_same_memory():
    board = Board(2)
    if (child := os.fork()) == 0:
        board.rows[1].answered("/ping", 200)
        os._exit(0)
    os.waitpid(child, 0)
    assert board.rows[1].count("/ping", 200) == 1
