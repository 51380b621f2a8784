"""Scoring a model over HTTP: `create_app` is the WSGI application, for any server."""

from __future__ import annotations

from gittrack.serving.app import create_app

__all__ = ["create_app"]
