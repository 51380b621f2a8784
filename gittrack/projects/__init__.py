"""Projects: folders or Git repositories with commands to run, and their parameters."""

from __future__ import annotations

from importlib import import_module

__all__ = ["SubmittedRun", "run"]


def __getattr__(name: str) -> object:
    """Find a public name on its first use, see `gittrack.__getattr__`."""
    if name in __all__:
        return getattr(import_module("gittrack.projects.running"), name)
    raise AttributeError(f"module 'gittrack.projects' has no attribute {name!r}")
