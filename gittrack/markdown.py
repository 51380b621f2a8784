"""Text as Markdown that shows it as it is, calls nobody and links nowhere."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~$&#!])")
_MENTION = re.compile(r"(?<![A-Za-z0-9])@")


def inert(text: str) -> str:
    """Return a text with all escaped that Markdown, or a host that renders it, would act on."""
    text = _MENTION.sub("@\u200b", _SPECIAL.sub(r"\\\1", text))
    return text.replace("://", ":\u200b//").replace("www.", "www\u200b.")
