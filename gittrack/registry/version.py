"""One version of a registered model: `versions/<n>.json`, written once.

    {
      "format": 1,
      "version": 3,
      "time": "2026-11-23T05:12:00.123Z",
      "user": "Ana",
      "run_id": "k3v9x2mq7d",
      "path": "model",
      "digest": "sha256:5e0c…",
      "signature": {"inputs": [{"type": "double", "name": "x", "required": true}]}
    }

Of a removed version a tombstone stays, so that its number is never given again.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gittrack.errors import NewerFormatError
from gittrack.runs.values import format_time, parse_time, to_json

FORMAT = 1

_NEEDED = ("run_id", "path", "digest")
_TEXTS = ("user", *_NEEDED)
_KNOWN = ("format", "version", "time", *_TEXTS, "signature", "removed")


@dataclass(frozen=True)
class Version:
    """What the registry says of one version.

    Attributes:
        time: when it was registered, or removed, in ms since 1970 UTC.
        run_id: the run that it came from; "" of a removed one.
        path: the model's folder below that run's artifacts.
        digest: of the model's files, see `gittrack.models.digest`.
        signature: the columns or tensors of the model, as JSON.
        removed: whether only its number is left.
        note: its description; later changes lie beside the file, in `versions/<n>/`.
        changed: when that was last done, in ms since 1970 UTC; 0 where it never was.
    """

    name: str
    number: int
    time: int
    run_id: str = ""
    path: str = ""
    digest: str = ""
    user: str | None = None
    signature: Mapping[str, Any] = field(default_factory=dict)
    removed: bool = False
    unknown: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    changed: int = 0

    @property
    def uri(self) -> str:
        """What names it wherever a model is named."""
        return f"models:/{self.name}/{self.number}"

    @property
    def argument(self) -> str:
        """What names it on the command line, as a shell takes it."""
        return shlex.quote(f"{self.name}/{self.number}")

    @property
    def source(self) -> str:
        """The URI of the model in its run."""
        return f"runs:/{self.run_id}/{self.path}"


def to_bytes(version: Version) -> bytes:
    """Return the bytes of a version's file: one key a line, absent rather than null."""
    entries: dict[str, Any] = {
        "format": FORMAT,
        "version": version.number,
        "time": format_time(version.time),
    }
    entries |= {key: value for key in _TEXTS if (value := getattr(version, key))}
    if version.signature:
        entries["signature"] = version.signature
    if version.removed:
        entries["removed"] = True
    entries |= {key: version.unknown[key] for key in sorted(version.unknown)}
    lines = ",\n".join(f"  {to_json(key)}: {to_json(value)}" for key, value in entries.items())
    return f"{{\n{lines}\n}}\n".encode()


def from_json(name: str, data: Mapping[str, Any]) -> Version:
    """Read what `to_bytes` wrote; unknown keys are kept.

    Raises:
        ValueError: a key is missing or of another type than the format says.
        NewerFormatError: a newer gittrack wrote it.
    """
    form, number = data.get("format"), data.get("version")
    if isinstance(form, int) and form > FORMAT:
        raise NewerFormatError(
            f"is of format {form}, this gittrack reads up to {FORMAT}",
            hint="install a newer gittrack",
        )
    if form != FORMAT:
        raise ValueError(f"'format' is {form!r}, not {FORMAT}")
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise ValueError(f"'version' is {number!r}, not a number from 1 on")
    removed = data.get("removed", False)
    if not isinstance(removed, bool):
        raise ValueError("'removed' is neither true nor false")
    signature = data.get("signature", {})
    if not isinstance(signature, Mapping):
        raise ValueError("'signature' is not an object")
    return Version(
        name=name,
        number=number,
        time=parse_time(data.get("time")),
        **_texts(data, needed=() if removed else _NEEDED),
        signature=signature,
        removed=removed,
        unknown={key: value for key, value in data.items() if key not in _KNOWN},
    )


def _texts(data: Mapping[str, Any], *, needed: tuple[str, ...]) -> dict[str, Any]:
    found = {key: data[key] for key in _TEXTS if key in data}
    for key, value in found.items():
        if not isinstance(value, str):
            raise ValueError(f"{key!r} is not text")
    for key in needed:
        if not found.get(key):
            raise ValueError(f"{key!r} is missing")
    return found
