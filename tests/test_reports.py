"""Reports: tables that GitHub and GitLab render, whatever runs are called, and a page of HTML."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrack import reports, svg
from gittrack.runs.store import Store
from tests.conftest import git, make_repository
from tests.making import START, write_run

EVIL = "</td>|<script>alert(1)</script>\n| @ana ![x](http://x) `\x1b[31m $x$ #1"
LINES = "".join(f'{{"step":{n},"time":{n},"metrics":{{"acc":{n / 10}}}}}\n' for n in range(5))


@pytest.fixture
def branched(isolated: Path, store: Store) -> Store:
    make_repository(isolated)
    write_run(store, "aaaa", metrics={"acc": 0.8})
    git("add", "-A")
    git("commit", "-q", "-m", "main")
    git("checkout", "-q", "-b", "feature")
    for number, run_id in enumerate(("bbbb", "cccc")):
        write_run(
            store, run_id, params={"lr": number, EVIL: EVIL}, tags={EVIL: EVIL}, name=EVIL,
            start_time=START + number, metrics={EVIL: 1}, files={"metrics.jsonl": LINES},
        )  # fmt: skip
    return store


def test_the_runs_that_the_base_lacks_are_compared_with_its_best(branched: Store) -> None:
    report = reports.make(branched, base="main")
    results = report.sections[0]
    assert [row[1] for row in results.rows] == ["cccc", "bbbb"]
    assert results.rows[0][results.columns.index("acc")] == "0.4 (-50.00% worse)"
    assert {section.title for section in report.sections} >= {"Results", "Courses", "Params"}


def test_a_base_without_runs_is_compared_with_nothing(branched: Store) -> None:
    first = git("rev-list", "--max-parents=0", "HEAD")
    git("checkout", "-q", "--orphan", "empty")
    git("rm", "-q", "-r", "--cached", ".")
    git("commit", "-q", "--allow-empty", "-m", "empty")
    git("checkout", "-q", "-B", "new")
    assert first
    report = reports.make(branched, base="empty")
    assert len(report.sections[0].rows) == 3


def test_no_name_breaks_a_table_or_becomes_markup(branched: Store) -> None:
    text = reports.markdown(reports.make(branched))
    for table in text.split("\n\n"):
        rows = [line for line in table.splitlines() if line.startswith("|")]
        bars = {line.replace("\\|", "").count("|") for line in rows}
        assert len(bars) <= 1, table
    assert "<script" not in text.replace("\\<", "")
    assert "@ana" not in text
    assert "http://" not in text
    assert "\x1b" not in text


@given(st.text(max_size=60))
def test_any_text_stays_one_cell(text: str) -> None:
    row = reports._md_row((text, "x"))
    assert "\n" not in row
    unescaped = row.replace("\\\\", "").replace("\\|", "")
    assert unescaped.count("|") == 3


def test_it_is_cut_by_whole_sections(branched: Store) -> None:
    report = reports.make(branched)
    whole = reports.markdown(report)
    for limit in (300, 800, len(whole.encode()) - 1):
        text = reports.markdown(report, limit=limit)
        assert len(text.encode()) <= limit
        assert "Left out, since there is no room" in text
        assert all(part in whole for part in text.split("\n\n")[:-1])
    assert reports.markdown(report, limit=len(whole.encode())) == whole


def test_the_page_loads_nothing_and_holds_no_markup_of_a_runs(branched: Store) -> None:
    page = reports.html(reports.make(branched))
    seen: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            seen.add(tag)
            assert not {"src", "href", "onload"} & {name for name, _ in attrs}

    Reader().feed(page)
    assert not seen & {"script", "img", "a", "link", "iframe"}
    assert "svg" in seen
    assert "Content-Security-Policy" in page


def test_charts_are_images_of_their_own(branched: Store) -> None:
    report = reports.make(branched)
    charts = [chart for section in report.sections for chart in section.charts]
    assert [chart.metric for chart in charts] == ["acc"]
    root = ET.fromstring(charts[0].image)
    assert len(root.findall("{http://www.w3.org/2000/svg}polyline")) == 2
    assert "![acc](<plots/acc.svg>)" in reports.markdown(report, images={"acc": "plots/acc.svg"})


@given(st.lists(st.tuples(st.integers(-(10**9), 10**9), st.floats())), st.text())
def test_any_course_becomes_well_formed_svg(points, name) -> None:
    image = svg.chart(name, {name: points})
    if image:
        assert "nan" not in image.partition("<polyline")[2].partition(">")[0]
        ET.fromstring(image)


def test_the_page_holds_nothing_that_a_terminal_acts_on(store: Store) -> None:
    write_run(store, "aaaa", name="\x1b[31mred\x07\u202eder", params={"a\x9b": "\r\0"})
    page = reports.html(reports.make(store))
    assert all(letter.isprintable() or letter == "\n" for letter in page)


def test_runs_that_cannot_be_read_are_told(store: Store) -> None:
    write_run(store, "aaaa")
    (write_run(store, "bbbb").folder / "run.json").write_text("{")
    report = reports.make(store)
    assert [problem.path.name[16:] for problem in report.problems] == ["bbbb"]
    assert "Not all could be read" in reports.markdown(report)
