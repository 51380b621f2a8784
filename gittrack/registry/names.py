"""How a registered model, its versions and its aliases may be called."""

from __future__ import annotations

import re
import unicodedata

from gittrack import paths, secrets
from gittrack.errors import InvalidValueError

LATEST = "latest"

_LONGEST = 250
_ALIAS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}")
_VERSION_LIKE = re.compile(r"v?\d+", re.IGNORECASE)


def check_name(name: object) -> str:
    """Return a model's name in its NFC form.

    Raises:
        InvalidValueError: it is empty, too long, or holds what a URI or a line cannot hold.
    """
    if not isinstance(name, str) or not name.strip():
        raise InvalidValueError(
            f"Invalid model name: {name!r}", hint="give a text that is not empty"
        )
    if len(name) > _LONGEST:
        raise InvalidValueError(
            f"Invalid model name: {name[:40]!r}... has {len(name)} characters",
            hint=f"use at most {_LONGEST}",
        )
    if set(name) & set("/:@") or any(unicodedata.category(char) in {"Cc", "Cs"} for char in name):
        raise InvalidValueError(
            f"Invalid model name: {name!r}", hint="leave out '/', ':', '@' and control characters"
        )
    if (kind := secrets.find(name)) is not None:
        raise InvalidValueError(
            f"Invalid model name: it looks like a secret ({kind})",
            hint="names are written into files that are made to be committed",
        )
    return unicodedata.normalize("NFC", name)


def check_alias(alias: object) -> str:
    """Return an alias: letters, digits, `_` and `-`, and no word that could mean a version.

    Raises:
        InvalidValueError: it is none.
    """
    if not isinstance(alias, str) or not _ALIAS.fullmatch(alias) or paths.is_reserved(alias):
        raise InvalidValueError(
            f"Invalid alias: {alias!r}", hint="use letters, digits, _ and -, such as champion"
        )
    if alias.lower() == LATEST or _VERSION_LIKE.fullmatch(alias):
        raise InvalidValueError(
            f"Invalid alias: {alias!r} would be read as a version", hint="such as champion"
        )
    return alias


def check_number(version: object) -> int:
    """Return a version's number, given as a number or as its digits.

    Raises:
        InvalidValueError: it is neither.
    """
    text = str(version)
    if isinstance(version, bool) or not (text.isascii() and text.isdecimal()) or int(text) < 1:
        raise InvalidValueError(
            f"Invalid version: {version!r}", hint="give a number from 1 on, such as 3"
        )
    return int(text)
