from __future__ import annotations

import json
import signal
import socket
import urllib.request
from pathlib import Path

import pytest

from gittrack.errors import ToolError, UsageError
from gittrack.runs.store import Store
from gittrack.ui import server
from tests.ui.conftest import SECONDS, start


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
