from __future__ import annotations

import pytest

from gittrack import yamlfile


def test_a_document_is_read_as_plain_values() -> None:
    text = b"\xef\xbb\xbfname: a\nlist: [1, 0.5, true, null]\nshared: &x {k: v}\nagain: *x\n"
    assert yamlfile.load(text) == {
        "name": "a",
        "list": [1, 0.5, True, None],
        "shared": {"k": "v"},
        "again": {"k": "v"},
    }
    assert yamlfile.load(b"") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"a: [1\nb: 2\n", "2:2: not valid YAML"),
        (b"a: 1\na: 2\n", "2: the key 'a' stands there twice"),
        (b"? [1]\n: 2\n", "1: a key is not a plain word"),
        (b"a: \xff\n", "not UTF-8"),
        (b"a: !!python/object/apply:os.system [ls]\n", "not valid YAML"),
        (b"[" * 60, "nested deeper than 50 levels"),
        (b"{a: " * 60, "nested deeper than 50 levels"),
        (b"[" * 100_000, "nest"),  # newer YAML libraries have a bound of their own
        (b"{a: " * 100_000, "nest"),
        (b"a: &a [*a]\n", "aliases"),
        (b"#" * (yamlfile.MAX_BYTES + 1), "larger than"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: bytes, words: str) -> None:
    with pytest.raises(ValueError, match="^") as caught:
        yamlfile.load(text)
    assert words in str(caught.value)


def test_an_alias_bomb_is_refused() -> None:
    bomb = b"a0: &a0 [x]\n" + b"".join(
        b"a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n" % (n, n, *[n - 1] * 9)
        for n in range(1, 12)
    )
    with pytest.raises(ValueError, match="grows beyond"):
        yamlfile.load(bomb)
