from __future__ import annotations

import json
import signal
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from gittrack.errors import ToolError, UsageError
from gittrack.runs.store import Store
from gittrack.ui import server
from tests.ui.conftest import SECONDS, start, stop


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_until_a_signal_and_ends_well(tmp_path: Path, how: signal.Signals):
    process, url = start(tmp_path, tmp_path)
    with urllib.request.urlopen(f"{url}/data/runs.json", timeout=SECONDS) as got:
        assert json.load(got)["runs"]["id"] == []
    process.send_signal(how)
    process.communicate(timeout=SECONDS)
    assert process.returncode == 0


def test_a_port_that_is_taken_is_said(store: Store):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ToolError, match="in use"):
        server.serve(
            store, host="127.0.0.1", port=taken.getsockname()[1], on_ready=lambda _url: None
        )


def test_a_port_that_cannot_be_is_refused(store: Store):
    with pytest.raises(UsageError, match="not between"):
        server.serve(store, host="127.0.0.1", port=70_000, on_ready=lambda _url: None)


def test_the_page_is_opened_in_the_browser_that_the_user_has(tmp_path: Path):
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}.new && mv {opened}.new {opened}\n')
    browser.chmod(0o755)
    process, url = start(tmp_path, tmp_path, "--open", BROWSER=f"{browser} %s")
    try:
        until = time.monotonic() + SECONDS
        while not opened.exists():
            assert time.monotonic() < until
            time.sleep(0.02)
        assert opened.read_text().strip() == url
    finally:
        stop(process)


def test_all_addresses_are_served_with_a_warning_but_no_foreign_name(tmp_path: Path):
    process, url = start(tmp_path, tmp_path, "--host", "0.0.0.0")
    port = url.rstrip("/").rpartition(":")[2]

    def ask(host: str) -> int:
        asked = urllib.request.Request(f"http://127.0.0.1:{port}/", headers={"Host": host})
        try:
            with urllib.request.urlopen(asked, timeout=SECONDS) as got:
                return int(got.status)
        except urllib.error.HTTPError as error:
            return error.code

    try:
        said = process.stderr.readline()
        assert "everyone who can reach this machine can read these runs" in said
        assert ask(f"192.0.2.7:{port}") == 200
        assert ask(f"rebound.example:{port}") == 403
    finally:
        stop(process)
