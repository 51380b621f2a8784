"""gittrack's version, where every row can read it."""

from __future__ import annotations

VERSION = "0.1.0"
