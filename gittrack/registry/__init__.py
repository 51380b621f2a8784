"""Registered models: versions that point into runs, and the aliases that point to versions."""

from __future__ import annotations

from gittrack.registry.reading import RegisteredModel, Versions
from gittrack.registry.registry import Registry
from gittrack.registry.version import Version

__all__ = ["RegisteredModel", "Registry", "Version", "Versions"]
