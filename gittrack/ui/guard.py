"""Who may ask: pages of other sites must neither read nor write through the reader's browser."""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gittrack import paths

if TYPE_CHECKING:
    from collections.abc import Collection

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")

Environ = dict[str, Any]


@dataclass(frozen=True)
class Guard:
    """The rules of one server.

    Attributes:
        hosts: the names that it is reached by, beside those of this machine itself.
        token: what an edit has to bring, which only pages of this server know.
    """

    hosts: Collection[str] = ()
    token: str = field(default_factory=lambda: paths.random_text(32))

    def refusal(self, environ: Environ) -> str:
        """Return why a request is refused, "" where it is not."""
        host = environ.get("HTTP_HOST", "")
        if not self._knows(_name(host)):
            return f"this server is not {host!r}; open it by its address, or start it with --host"
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and not _same_origin(origin, host):
            return "requests from pages of other sites are not answered"
        site = environ.get("HTTP_SEC_FETCH_SITE", "none")
        opened = environ.get("HTTP_SEC_FETCH_MODE") == "navigate" and (
            environ.get("HTTP_SEC_FETCH_DEST") == "document"
        )
        if site not in ("none", "same-origin") and not opened:
            return "requests from pages of other sites are not answered"
        return ""

    def may_edit(self, environ: Environ) -> bool:
        """Tell whether a request comes from the local machine."""
        forwarded = any(
            environ.get(name) for name in ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_VIA")
        )
        return not forwarded and _is_loopback(str(environ.get("REMOTE_ADDR", "")))

    def edit_refusal(self, environ: Environ) -> str:
        """Return why an edit is refused, "" where it is not."""
        if not self.may_edit(environ):
            return "runs are changed only from the machine that the server runs on"
        if environ.get("CONTENT_TYPE", "").split(";")[0] != "application/json":
            return "an edit is sent as application/json"
        given = environ.get("HTTP_X_GITTRACK_TOKEN", "")
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            return "the token is missing or of an earlier server; reload the page"
        return ""

    def _knows(self, name: str) -> bool:
        if name in LOOPBACK_NAMES or name in self.hosts:
            return True
        # A server for others is reached by any of its addresses, but by no name that somebody
        # else's name server could give it.
        return bool(self.hosts) and _is_address(name)


def is_loopback_host(host: str) -> bool:
    """Tell whether an address to listen on is reached from this machine only."""
    return host in LOOPBACK_NAMES or _is_loopback(host)


def _name(host: str) -> str:
    """Return the host of a Host header, without its port, in lower case."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _same_origin(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
