"""Text as Markdown that is nothing but text."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from gittrack.markdown import inert


@pytest.mark.parametrize(
    "text",
    [
        "*a* _b_ `c` ~~d~~ [e](javascript:f) ![g](h) <script>i</script> &amp; a|b #1 $x$",
        "https://evil.example/phish www.evil.example <https://evil.example>",
    ],
)
def test_nothing_becomes_markup_or_a_link(text):
    parser = MarkdownIt().enable(["strikethrough", "table"])
    (paragraph,) = [token for token in parser.parse(inert(text)) if token.type == "inline"]
    kinds = {token.type for token in paragraph.children or []}
    assert kinds <= {"text", "text_special"}
    shown = "".join(token.content for token in paragraph.children or [])
    assert shown.replace("\u200b", "") == text


def test_nobody_is_called_and_what_only_looks_like_a_call_is_left():
    assert inert("@ana precision@5 a@b.org") == "@\u200bana precision@5 a@b.org"
