"""MLflow's words for how runs and experiments stand, what started them, and which to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gittrack.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Words:
    """Values with names, as MLflow's users turn the one into the other."""

    @classmethod
    def from_string(cls, name: str) -> Any:
        """Return the value of that name.

        Raises:
            InvalidValueError: there is none.
        """
        return cls._known()[cls._checked(str(name).upper(), cls._known())]

    @classmethod
    def to_string(cls, value: Any) -> str:
        """Return the name of a value.

        Raises:
            InvalidValueError: it is none.
        """
        names = {known: name for name, known in cls._known().items()}
        cls._checked(value, names)
        return value if isinstance(value, str) else names[value].lower()

    @classmethod
    def _checked(cls, given: Any, known: Mapping[Any, object]) -> Any:
        if given not in known:
            raise InvalidValueError(
                f"{given!r} is no {cls.__name__}", hint=f"use {', '.join(map(str, known))}"
            )
        return given

    @classmethod
    def _known(cls) -> dict[str, Any]:
        return {name: value for name, value in vars(cls).items() if name.isupper()}


class SourceType(_Words):
    """What started a run, as the tag `mlflow.source.type` names it."""

    NOTEBOOK = "NOTEBOOK"
    JOB = "JOB"
    PROJECT = "PROJECT"
    LOCAL = "LOCAL"
    UNKNOWN = "UNKNOWN"


class LifecycleStage:
    """Whether something was deleted."""

    ACTIVE = "active"
    DELETED = "deleted"


class ViewType(_Words):
    """Which runs a search looks at."""

    ACTIVE_ONLY = 1
    DELETED_ONLY = 2
    ALL = 3


class RunStatus(_Words):
    """The states of a run, as `RunInfo.status` names them."""

    RUNNING = "RUNNING"
    SCHEDULED = "SCHEDULED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"

    @classmethod
    def all_status(cls) -> list[str]:
        """Return all of them."""
        return list(cls._known())

    @staticmethod
    def is_terminated(status: str) -> bool:
        """Tell whether a run of this status has ended."""
        return status in (RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED)
