"""Files are compared by what they hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from gittrack.compare.contents import MOST_ENTRIES, compare_contents


def pair(name: str, first: str | bytes, second: str | bytes) -> tuple[Path, Path]:
    found = []
    for folder, content in (("a", first), ("b", second)):
        Path(folder).mkdir(exist_ok=True)
        path = Path(folder).absolute() / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        found.append(path)
    return found[0], found[1]


def test_json_by_value() -> None:
    first = {"a": {"b": [1, 2]}, "same": None, "gone": "x"}
    second = {"a": {"b": [1, 3, 4]}, "same": None}
    found = compare_contents(*pair("x.json", json.dumps(first), json.dumps(second, indent=2)))
    assert found is not None
    assert (found.kind, found.summary) == ("json", "values: 1 changed, 1 added, 1 removed")
    assert [change.name for change in found.entries] == ["a.b[1]", "gone", "a.b[2]"]
    same = compare_contents(*pair("x.json", '{"a": 1}', '{"a":1}'))
    assert same is not None
    assert same.summary == "other formatting"


def test_csv_by_cell() -> None:
    found = compare_contents(*pair("x.csv", "id,acc\n1,0.5\n2,0.6\n", "id,acc\n1,0.7\n"))
    assert found is not None
    assert found.summary == "cells: 1 changed, 2 removed"
    assert found.entries[0] == ("1 acc", "0.5", "0.7")


def test_images_by_pixel() -> None:
    for name, colour in (("a.png", "red"), ("b.png", "red"), ("c.png", "red")):
        Image.new("RGB", (10, 10) if name != "c.png" else (5, 5), colour).save(name)
    picture = Image.open("b.png")
    picture.putpixel((0, 0), (0, 0, 255))
    picture.save("b.png")
    found = compare_contents(Path("a.png").absolute(), Path("b.png").absolute())
    assert found is not None
    assert found.summary == "1 % of 10 x 10 pixels differ"
    other = compare_contents(Path("a.png").absolute(), Path("c.png").absolute())
    assert other is not None
    assert other.entries == (("size", "10 x 10", "5 x 5"),)


def test_text_by_line() -> None:
    found = compare_contents(*pair("-x.txt", "a\nb\nc\n", "a\nB\nc\nd\n"))
    assert found is not None
    assert found.summary == "+2 -1 lines"
    assert "-b\n+B" in found.patch


@pytest.mark.parametrize(
    ("name", "first", "second", "kind"),
    [
        ("broken.json", "{", "[" * 100_000, "text"),
        ("broken.csv", "", "a,b\n", "text"),
        ("binary.txt", b"\0a", b"\0b", None),
        ("broken.png", b"not an image", b"nor this", None),
        ("latin.txt", b"\xff\xfe", b"\xff", None),
    ],
)
def test_what_is_not_what_its_name_says_is_no_error(name, first, second, kind) -> None:
    found = compare_contents(*pair(name, first, second))
    assert (found.kind if found else None) == kind


def test_very_many_entries_are_cut() -> None:
    first, second = ({str(key): key + more for key in range(1000)} for more in (0, 1))
    found = compare_contents(*pair("x.json", json.dumps(first), json.dumps(second)))
    assert found is not None
    assert len(found.entries) == MOST_ENTRIES
    assert found.summary == "values: 1000 changed"
