"""The socket of a server, and the errors of an address that cannot be had."""

from __future__ import annotations

import pytest

from gittrack.errors import ToolError, UsageError
from gittrack.serving.listening import Address, address_of, bind


def test_any_free_port():
    with bind(port=0) as listener:
        assert address_of(listener).port > 0


def test_two_servers_do_not_share_a_port():
    with bind(port=0) as listener:
        port = address_of(listener).port
        with pytest.raises(ToolError, match=f":{port}: the port is in use") as caught:
            bind(port=port)
        assert "--port" in caught.value.hint


def test_a_name_with_several_addresses():
    with bind("localhost", 0) as listener:
        assert address_of(listener).port > 0


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none(port):
    with pytest.raises(UsageError, match=f"port {port} is not between"):
        bind(port=port)


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_a_host_that_is_not_this_machine(host):
    with pytest.raises(ToolError, match=f"cannot serve on {host}"):
        bind(host, 0)


def test_the_address_of_ip_version_6():
    assert Address("::1", 80).url == "http://[::1]:80"
