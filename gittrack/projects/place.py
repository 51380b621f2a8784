"""How messages name a project's folder: where a person finds it, never a clone soon gone."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Place:
    """A project's folder in words.

    Attributes:
        path: the folder, or the one inside the repository; "" for the working folder or the top.
        url: the repository that it was cloned from, "" for a folder of this machine.
        revision: what of the repository, a version as it was asked for or a commit.
    """

    path: str = ""
    url: str = ""
    revision: str = ""

    @classmethod
    def of(cls, folder: Path) -> Place:
        """Return the place of a folder of this machine, relative where it lies below this one."""
        relative = os.path.relpath(folder)
        if relative == os.pardir or relative.startswith(os.pardir + os.sep):
            return cls(str(folder))
        return cls("" if relative == os.curdir else relative)

    def __str__(self) -> str:
        return self.name()

    def name(self, file: str = "") -> str:
        """Return the name of the folder, or of a file in it."""
        path = "/".join(part for part in (self.path, file) if part)
        if not self.url:
            return path or os.curdir
        repository = f"{self.url} at {self.revision}" if self.revision else self.url
        return f"{path} of {repository}" if path else repository

    def uri(self, folder: str) -> str:
        """Return what `gittrack run` takes for a folder in this one."""
        path = "/".join(part for part in (self.path, folder) if part)
        return f"{self.url}#{path}" if self.url else path
