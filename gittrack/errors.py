"""Every error that gittrack raises on purpose, with its exit code.

A message says what is wrong, where and why; `hint` is the command or change that mends it.
"""

from __future__ import annotations


class GittrackError(Exception):
    """The root: catch this to catch everything below.

    Attributes:
        message: what, where and why, in one line.
        hint: what mends it, or "".
        exit_code: what the command line exits with.
        error_code: the name MLflow gives this kind of error, also used in HTTP answers.
    """

    exit_code = 70
    error_code = "INTERNAL_ERROR"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message


class UsageError(GittrackError):
    """The caller asked for something that makes no sense.

    A wrong argument, a broken file of theirs.
    """

    exit_code = 2
    error_code = "INVALID_PARAMETER_VALUE"


class InvalidValueError(UsageError, ValueError):
    """A name, value or argument that cannot be recorded as given."""


class AlreadyExistsError(UsageError):
    """What is to be made is there already."""

    error_code = "RESOURCE_ALREADY_EXISTS"


class RunStateError(UsageError):
    """The run is not in the state that the call needs: already active, deleted, ended."""

    error_code = "INVALID_STATE"


class ProjectError(UsageError):
    """An MLproject file or its parameters are wrong."""


class FilterError(UsageError):
    """A search filter cannot be read."""


class NotFoundError(GittrackError):
    """No run, experiment, model or file of that name."""

    exit_code = 3
    error_code = "RESOURCE_DOES_NOT_EXIST"


class AmbiguousError(NotFoundError):
    """The name fits several; the message lists them."""


class NotComparableError(GittrackError):
    """What was asked could not be compared or measured; never to be read as a pass."""

    exit_code = 4


class SecretFoundError(GittrackError):
    """A file that was to be committed holds what looks like a secret."""

    exit_code = 1


class StoreError(GittrackError):
    """The tree under mlruns cannot be read or written."""

    exit_code = 5


class BrokenRunError(StoreError):
    """A run folder whose record cannot be read."""


class RunBeingMadeError(BrokenRunError):
    """A run folder so new that its first record is about to be written."""


class NewerFormatError(StoreError):
    """A file was written by a newer gittrack."""


class ModelError(GittrackError):
    """A model folder, its signature or the data given to it is wrong."""

    exit_code = 2
    error_code = "INVALID_PARAMETER_VALUE"


class SchemaMismatchError(ModelError):
    """The data given to a model does not fit its signature."""


class ToolError(GittrackError):
    """Git, Docker or another program failed."""

    exit_code = 6


class MissingPackageError(ToolError, ImportError):
    """A Python package that this call needs is not installed; the hint installs it."""


class TrackingWarning(UserWarning):
    """Something could not be recorded; the work goes on."""


def in_one_line(error: Exception) -> str:
    """Return what a library says of an error, short enough for a message."""
    return " ".join(str(error).split())[:200]


def some(names: list[str], most: int = 5) -> str:
    """Return the first names for a message, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
