from __future__ import annotations

import pytest

from gittrack.errors import FilterError
from gittrack.search import parse_filter
from gittrack.search.syntax import All, Comparison, Either, Key, Like, Member, Missing, Not


def test_a_filter_is_read_as_a_tree() -> None:
    node = parse_filter("metrics.acc > 0.9 and (params.solver = 'saga' or not params.alpha < 1e-1)")
    assert node == All(
        (
            Comparison(Key("metric", "acc"), ">", 0.9),
            Either(
                (
                    Comparison(Key("param", "solver"), "=", "saga"),
                    Not(Comparison(Key("param", "alpha"), "<", 0.1)),
                )
            ),
        )
    )


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("metric.acc >= -1", Comparison(Key("metric", "acc"), ">=", -1.0)),
        ("metrics.`a b` != 1", Comparison(Key("metric", "a b"), "!=", 1.0)),
        ('metrics."a-b/c" = 1', Comparison(Key("metric", "a-b/c"), "=", 1.0)),
        ("metrics.val/acc>0", Comparison(Key("metric", "val/acc"), ">", 0.0)),
        ('param.x = "it\'s"', Comparison(Key("param", "x"), "=", "it's")),
        ("parameters.x = 'it''s'", Comparison(Key("param", "x"), "=", "it's")),
        ("tags.mlflow.runName = 'a'", Comparison(Key("tag", "mlflow.runName"), "=", "a")),
        ("tag.x LIKE 'a%'", Like(Key("tag", "x"), "a%", ignore_case=False)),
        ("Tags.x not iLike '_'", Like(Key("tag", "x"), "_", ignore_case=True, negated=True)),
        ("run_id in ('a', 'b')", Member(Key("attribute", "run_id"), ("a", "b"))),
        ("attr.run_id NOT IN ('a')", Member(Key("attribute", "run_id"), ("a",), negated=True)),
        ("params.x in (1, 'auto')", Member(Key("param", "x"), (1.0, "auto"))),
        ("params.x is null", Missing(Key("param", "x"))),
        ("metrics.x IS NOT NULL", Missing(Key("metric", "x"), negated=True)),
        ("`Run name` = 'a'", Comparison(Key("attribute", "run_name"), "=", "a")),
        ("run.Created > 5", Comparison(Key("attribute", "start_time"), ">", 5.0)),
        (
            "start_time < '1970-01-02T00:00Z'",
            Comparison(Key("attribute", "start_time"), "<", 86.4e6),
        ),
        ("dataset.name = 'wine'", Comparison(Key("dataset", "name"), "=", "wine")),
        ("metrics.a = 1 AND", Comparison(Key("metric", "a"), "=", 1.0)),
        ("", All(())),
        ("  ", All(())),
    ],
)
def test_forms_of_clauses(text: str, node: object) -> None:
    assert parse_filter(text) == node


def test_and_binds_closer_than_or_and_not_closest() -> None:
    one, two, three = (Comparison(Key("metric", name), "=", 1.0) for name in "abc")
    read = parse_filter("not metrics.a = 1 and metrics.b = 1 or metrics.c = 1")
    assert read == Either((All((Not(one), two)), three))


@pytest.mark.parametrize(
    ("text", "at", "what", "hint"),
    [
        ("metrcs.acc > 1", 1, "'metrcs' is no kind of entry", "did you mean metrics.acc?"),
        ("strt_time > 1", 1, "runs have no 'strt_time'", "did you mean start_time?"),
        ("acc > 1", 1, "runs have no 'acc'", "write metrics.acc or params.acc"),
        ("metrics.acc > x", 15, "expected a number, found 'x'", ""),
        ("metrics.acc > '1'", 15, "expected a number, found '1'", "without quotes: 1"),
        ("params.x > '1'", 12, "expected a number", "without quotes: params.x > 1"),
        ("metrics.a > ' 1e-3 '", 13, "expected a number", "without quotes: 1e-3"),
        ("params.x = True", 12, "a number or a quoted text", "put it in quotes: 'True'"),
        ("tags.x = 1", 10, "expected a quoted text", "put it in quotes: '1'"),
        ("tags.x < 'a'", 8, "x is text, which < does not compare", ""),
        ("metrics.a like 'x'", 16, "a is a number", ""),
        ("metrics.a = 1 metrics.b = 2", 15, "expected and, or, or the end", ""),
        ("(metrics.a = 1", 15, "expected and, or, or ), found the end", ""),
        ("metrics.a", 10, "expected an operator", ""),
        ("metrics. > 1", 10, "expected a name right after 'metrics.'", ""),
        ("metrics > 1", 1, "'metrics' needs the name of one", "such as metrics.name"),
        ("params.x is nul", 13, "expected null or not null", ""),
        ("params.x in 'a'", 13, "expected ( and a list", ""),
        ("params.x in ('a'", 17, "expected , or )", ""),
        ("params.x not = 1", 14, "expected in or like", ""),
        ("dataset.size = 'a'", 1, "datasets have no 'size'", "name, digest, context"),
        ("tags.x = 'a", 10, "the quote ' is not closed", "close it with '"),
        ("start_time > 'soon'", 14, "'soon' is no time", "such as '2026-11-23'"),
        ("(" * 60 + "metrics.a = 1", 51, "nested deeper than 50", ""),
        ("and metrics.a = 1", 1, "expected a key", ""),
    ],
)
def test_an_error_says_where_what_and_how_to_mend_it(
    text: str, at: int, what: str, hint: str
) -> None:
    with pytest.raises(FilterError) as caught:
        parse_filter(text)
    first, shown, caret = caught.value.message.split("\n")
    assert first.startswith(f"filter, character {at}: ")
    assert what in first
    assert hint in caught.value.hint
    if len(text) < 70:
        assert shown[2:] == text
        assert caret.index("^") - 2 == at - 1


@pytest.mark.parametrize("text", ["metrics.a > 'abc'", "params.a > 'abc'", "metrics.a > ''"])
def test_quotes_are_only_to_be_left_out_around_a_number(text: str) -> None:
    with pytest.raises(FilterError, match="expected a number") as caught:
        parse_filter(text)
    assert caught.value.hint == ""


def test_the_caret_stays_below_its_place_in_a_long_filter() -> None:
    text = " and ".join(f"metrics.m{index} > {index}" for index in range(50)) + " and x"
    with pytest.raises(FilterError) as caught:
        parse_filter(text)
    _, shown, caret = caught.value.message.split("\n")
    assert shown[caret.index("^")] == "x"
    assert len(shown) < 80
