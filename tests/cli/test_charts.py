from __future__ import annotations

import math

from hypothesis import example, given
from hypothesis import strategies as st

from gittrack.cli.charts import Line, by_step, chart
from gittrack.runs.lines import Point

NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


def test_a_line_is_drawn_in_dots_between_its_extremes() -> None:
    points = [(step, float(step)) for step in range(5)]
    assert chart([Line("", points)], columns=16, rows=3) == [
        "4.0┤        ⢀⠤⠔⠉",
        "   │    ⣀⡠⠔⠊⠁",
        "0.0┤⡠⠤⠊⠉",
        "    0          4",
    ]


def test_several_lines_have_marks_and_a_legend() -> None:
    up, down = [(0, 0.0), (3, 3.0)], [(0, 3.0), (3, 0.0)]
    lines = [Line("up", up), Line("down\x1b[31m", down)]
    assert chart(lines, columns=16, rows=4) == [
        "3.0┤○○        ●●",
        "   │  ○○○○●●●●",
        "   │  ●●●●○○○○",
        "0.0┤●●        ○○",
        "    0          3",
        "    ● up",
        "    ○ down\\x1b[31m",
    ]


def test_a_logarithmic_chart_leaves_out_what_has_no_logarithm() -> None:
    drawn = chart(
        [Line("", [(0, 0.001), (1, -1.0), (2, 0.0), (3, 1000.0)])], columns=30, rows=3, log=True
    )
    assert drawn[0].startswith("1000.0┤")
    assert drawn[2].startswith(" 0.001┤")


def test_what_cannot_be_drawn_is_said() -> None:
    assert chart([Line("", [(0, math.nan)])], columns=30, rows=3) == ["nothing that could be drawn"]


def test_steps_that_are_all_the_same_are_counted() -> None:
    history = [Point(0, time, time) for time in range(3)]
    assert by_step("", history).points == [(0, 0), (1, 1), (2, 2)]


@given(
    st.lists(st.lists(st.tuples(st.floats(-1e300, 1e300), NUMBERS)), min_size=1, max_size=3),
    st.integers(1, 200),
    st.booleans(),
)
@example([[(-9.355113345424609e-130, -1.3405000000000001e154)]], 1, False)
def test_any_numbers_are_drawn_within_the_width(lines, columns, log) -> None:
    drawn = chart([Line("x", points) for points in lines], columns=columns, rows=4, log=log)
    assert max(map(len, drawn)) <= max(columns, 40)
