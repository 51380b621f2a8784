from __future__ import annotations

import contextlib
import math
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrack.errors import FilterError
from gittrack.runs.reading import StoredRun
from gittrack.search import matcher, parse_filter
from tests.making import record


def fits(text: str, **given: Any) -> bool:
    run = StoredRun(Path("mlruns/wine/20261123-051200-a"), record("a", **given))
    return matcher(parse_filter(text))(run)


@pytest.mark.parametrize("params", [{"x": 0.1}, {"x": "0.1"}])
def test_quotes_compare_text_and_bare_numbers_compare_numbers(params: dict[str, Any]) -> None:
    assert fits("params.x = '0.1'", params=params)
    assert fits("params.x = 0.10", params=params)
    assert not fits("params.x = '0.10'", params=params)
    assert fits("params.x < 0.2 and params.x >= 1e-1", params=params)


def test_a_clause_about_a_missing_key_is_false() -> None:
    for clause in ("= 'a'", "!= 'a'", "!= 1", "like '%'", "not like 'a'", "in ('a')", "not in (1)"):
        assert not fits(f"params.x {clause}")
    assert not fits("metrics.x != 1")
    assert fits("params.x is null and metrics.x is null and end_time is null", end_time=None)
    assert fits("not params.x = 'a'")


def test_a_param_that_is_no_number_is_unequal_to_one_and_nothing_else() -> None:
    assert fits("params.x != 1", params={"x": "saga"})
    for operator in ("=", "<", ">", "<=", ">="):
        assert not fits(f"params.x {operator} 1", params={"x": True})


def test_nan_is_unequal_to_everything() -> None:
    metrics = {"x": math.nan}
    assert fits("metrics.x != 1 and metrics.x is not null", metrics=metrics)
    assert not fits("metrics.x < 1 or metrics.x > 1 or metrics.x = 1", metrics=metrics)


def test_like_takes_its_pattern_literally_but_for_two_signs() -> None:
    tags = {"t": "a.b+c\nd"}
    assert fits("tags.t like 'a.b+c%'", tags=tags)
    assert fits("tags.t like '_._+%d'", tags=tags)
    assert not fits("tags.t like 'A.%'", tags=tags)
    assert fits("tags.t ilike 'A.%'", tags=tags)
    assert not fits("tags.t like 'axb%'", tags=tags)


def test_lists_may_hold_numbers_and_text() -> None:
    assert fits("params.x in (1, 'auto')", params={"x": "1.0"})
    assert fits("params.x in (1, 'auto')", params={"x": "auto"})
    assert not fits("params.x not in (1, 'auto')", params={"x": 1})
    assert fits("params.x not in (1, 'auto')", params={"x": 2})


def test_attributes() -> None:
    run = {
        "user": "Ana",
        "parent": "b",
        "source": {"type": "PROJECT", "git": {"commit": "5e0c", "branch": "main"}},
    }
    assert fits("run_id = 'a' and name = 'name-a' and experiment = 'wine'", **run)
    assert fits("status = 'finished' and status in ('FINISHED')", **run)
    assert fits("user_id = 'Ana' and parent = 'b' and commit = '5e0c' and branch = 'main'", **run)
    assert fits("artifact_uri like '%-a/artifacts' and experiment_id = 'wine'", **run)
    assert fits("start_time > '2020-01-01' and end_time > 0", **run)


def test_the_tags_that_mlflow_makes_are_found_in_the_record() -> None:
    source = {"type": "PROJECT", "git": {"commit": "5e0c"}}
    assert fits("tags.mlflow.runName = 'name-a'")
    assert fits("tags.mlflow.source.git.commit like '5e%'", source=source)
    assert fits("tags.`mlflow.parentRunId` = 'b'", parent="b")
    assert fits("tags.mlflow.parentRunId is null")


def test_a_run_fits_when_one_of_its_datasets_does() -> None:
    inputs = ({"name": "wine", "digest": "1"}, {"name": "iris", "context": "test"})
    assert fits("datasets.name = 'iris' and dataset.digest = '1'", inputs=inputs)
    assert fits("dataset.context in ('test', 'train')", inputs=inputs)
    assert not fits("datasets.name = 'iris'")


# -- against an evaluator that is as plain as can be

NAMES = ("a", "b c", "d-e/f")
NUMBERS = st.sampled_from([-1.0, 0.0, 0.1, 1.0, 2.5, 1e-3])
TEXTS = st.sampled_from(["", "a", "A", "0.1", "1", "a.b", "it's", "%", "x_y"])
RUNS = st.fixed_dictionaries(
    {
        "metrics": st.dictionaries(st.sampled_from(NAMES), NUMBERS | st.just(math.nan)),
        "params": st.dictionaries(
            st.sampled_from(NAMES), NUMBERS | TEXTS | st.booleans() | st.none()
        ),
        "tags": st.dictionaries(st.sampled_from(NAMES), TEXTS),
    }
)
ORDERED = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
EQUAL = {"=": lambda a, b: a == b, "!=": lambda a, b: a != b}
ALL_OPERATORS = {**ORDERED, **EQUAL}


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def as_number(value: object) -> float:
    try:
        return math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return math.nan


def naive_like(pattern: str, value: str, *, ignore_case: bool) -> bool:
    text = re.escape(pattern).replace("%", ".*").replace("_", ".")
    return re.fullmatch(text, value, re.DOTALL | (re.IGNORECASE if ignore_case else 0)) is not None


@st.composite
def clauses(draw: Any) -> tuple[str, Any]:
    """Return a clause, and the plain function of what it says."""
    kind = draw(st.sampled_from(["metrics", "params", "tags"]))
    name = draw(st.sampled_from(NAMES))
    key = f"{kind}.`{name}`" if draw(st.booleans()) else f'{kind}."{name}"'
    form = draw(st.sampled_from(["null", "compare", "like", "in"]))
    if form == "null":
        negated = draw(st.booleans())
        return f"{key} is {'not ' * negated}null", lambda run: (name in run[kind]) == negated
    numeric = kind == "metrics" or (kind == "params" and draw(st.booleans()))
    if form == "like" and not numeric:
        word, pattern = draw(st.sampled_from(["like", "ILIKE"])), draw(TEXTS)
        return (
            f"{key} {word} {quoted(pattern)}",
            lambda run: (
                name in run[kind]
                and naive_like(pattern, str(run[kind][name]), ignore_case=word == "ILIKE")
            ),
        )
    convert: Any = as_number if numeric else str
    values = NUMBERS if numeric else TEXTS
    write: Any = repr if numeric else quoted
    if form == "in":
        wanted, negated = draw(st.lists(values, min_size=1, max_size=3)), draw(st.booleans())
        listed = ", ".join(write(value) for value in wanted)
        return (
            f"{key} {'not ' * negated}in ({listed})",
            lambda run: name in run[kind] and (convert(run[kind][name]) in wanted) != negated,
        )
    operator = draw(st.sampled_from(sorted(ALL_OPERATORS if numeric else EQUAL)))
    value = draw(values)
    return (
        f"{key} {operator} {write(value)}",
        lambda run: name in run[kind] and ALL_OPERATORS[operator](convert(run[kind][name]), value),
    )


def joined(children: Any) -> Any:
    def both(pair: Any) -> tuple[str, Any]:
        (one, first), (other, second) = pair
        return f"({one}) and {other}", lambda run: first(run) and second(run)

    def either(pair: Any) -> tuple[str, Any]:
        (one, first), (other, second) = pair
        return f"({one} OR ({other}))", lambda run: first(run) or second(run)

    def neither(child: Any) -> tuple[str, Any]:
        text, says = child
        return f"not ({text})", lambda run: not says(run)

    pairs = st.tuples(children, children)
    return (
        pairs.map(either)
        | children.map(neither)
        | pairs.map(both).map(lambda pair: (f"({pair[0]})", pair[1]))
    )


@given(filters=st.recursive(clauses(), joined, max_leaves=6), run=RUNS)
def test_filters_say_what_a_naive_evaluator_says(filters: tuple[str, Any], run: Any) -> None:
    text, says = filters
    assert fits(text, **run) == says(run), text


@given(st.text(alphabet="metricsparams.`\"'()<>=! 01aANDORnotlike%,-", max_size=60))
def test_any_text_is_read_or_refused_with_a_filter_error(text: str) -> None:
    with contextlib.suppress(FilterError):
        parse_filter(text)
