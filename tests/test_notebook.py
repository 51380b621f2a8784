from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

import gittrack
from gittrack import notebook
from gittrack.compare import compare
from gittrack.entities import Runs
from tests.making import write_run

if TYPE_CHECKING:
    from gittrack.runs.store import Store

EVIL = "<script>alert(1)</script>\x1b[31m\"'&amp;"


class Tables(HTMLParser):
    """The cells of all tables, and the tags there are."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.rows: list[list[str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, _attributes: object) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


@pytest.fixture
def two(store: Store) -> Store:
    write_run(store, "a", name=EVIL, metrics={"acc": 0.9}, params={EVIL: EVIL, "lr": 0.1})
    write_run(store, "b", name="b", metrics={"acc": 0.8, "loss": 1}, tags={"team": EVIL})
    return store


@pytest.mark.usefixtures("two")
def test_a_run_is_a_table() -> None:
    shown = Tables(gittrack.get_run("a")._repr_html_())
    assert ["metrics", "acc", "0.9"] in shown.rows
    assert ["params", EVIL.replace("\x1b", " "), EVIL.replace("\x1b", " ")] in shown.rows
    assert shown.tags == {"table", "caption", "thead", "tbody", "tr", "th", "td"}


@pytest.mark.usefixtures("two")
def test_a_list_of_runs_is_a_table_with_a_row_a_run() -> None:
    listed = gittrack.search_runs(output_format="list", search_all_experiments=True)
    assert isinstance(listed, Runs)
    shown = Tables(listed._repr_html_())
    assert shown.rows[0][4:] == [
        "metrics.acc",
        "metrics.loss",
        f"params.{EVIL}".replace("\x1b", " "),
        "params.lr",
        "tags.team",
    ]
    assert shown.rows[1][0] == "a"
    assert shown.rows[2][4:6] == ["0.8", "1"]
    assert "script" not in shown.tags


@pytest.mark.usefixtures("two")
def test_a_page_of_runs_is_a_table_and_one_of_experiments_is_none() -> None:
    client = gittrack.MlflowClient()
    assert Tables(client.search_runs(["wine"])._repr_html_()).rows[2][0] == "b"
    assert client.search_experiments()._repr_html_() is None


def test_a_difference_is_a_table(two: Store) -> None:
    difference = compare(two.find("a"), two.find("b"), two)
    shown = Tables(difference._repr_html_())
    assert ["params", "lr", "0.1", ""] in shown.rows
    assert ["metrics", "acc", "0.9", "0.8"] in shown.rows
    assert "script" not in shown.tags


def test_of_many_rows_the_first_are_shown() -> None:
    shown = notebook.table(["n"], [[number] for number in range(250)])
    assert shown.count("<tr>") == 101
    assert shown.endswith("<p>150 more</p>")
