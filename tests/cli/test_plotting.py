from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from tests.cli.test_looking import EVIL, call, data_of
from tests.making import START, write_run

if TYPE_CHECKING:
    from gittrack.runs.store import Store

SVG = "{http://www.w3.org/2000/svg}"


def lines(*values: float, name: str = "loss") -> str:
    return "".join(
        f'{{"step":{step},"time":{START + 1000 * step},"metrics":{{"{name}":{float(value)}}}}}\n'
        for step, value in enumerate(values)
    )


@pytest.fixture
def two(store: Store) -> Store:
    write_run(store, "a", name="up", files={"metrics.jsonl": lines(1, 2, 4) + lines(3, name="acc")})
    write_run(store, "b", name=EVIL, files={"metrics.jsonl": lines(4, 2, 1)})
    return store


@pytest.mark.usefixtures("two")
def test_runs_are_drawn_together_with_a_legend(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = call(capsys, "plot", "a", "b", "-m", "loss")
    name, *chart = out.splitlines()
    assert name == "loss"
    assert chart[0].startswith("4.0┤○")
    assert chart[0].endswith("●")
    assert chart[-2].strip() == "● a up"
    assert chart[-1].strip() == "○ b =cmd()[red]\\x1b[31m\\n|"


@pytest.mark.usefixtures("two")
def test_every_metric_is_drawn_where_none_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = call(capsys, "plot", "a", "--log", "--time")
    assert [line for line in out.splitlines() if line.isalpha()] == ["acc", "loss"]


@pytest.mark.usefixtures("two")
def test_the_values_as_data(capsys: pytest.CaptureFixture[str]) -> None:
    (course,) = data_of(capsys, "plot", "b", "-m", "loss")
    assert course["points"][1] == {"step": 1, "time": START + 1000, "value": 2.0}
    rows = list(csv.DictReader(io.StringIO(call(capsys, "plot", "a", "-m", "loss", "--csv")[0])))
    assert [row["value"] for row in rows] == ["1.0", "2.0", "4.0"]


@pytest.mark.usefixtures("two")
def test_what_is_not_there_is_said_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    _, err = call(capsys, "plot", "a", "-m", "los", code=3)
    assert "no such metric: 'los'" in err
    assert "did you mean 'loss'?" in err
    assert "neither .png nor .svg" in call(capsys, "plot", "a", "-o", "x.pdf", code=2)[1]


def test_a_run_without_metrics_cannot_be_drawn(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(store, "a")
    assert "a has no metrics" in call(capsys, "plot", "a", code=4)[1]


@pytest.mark.usefixtures("two")
@pytest.mark.needs("module:matplotlib")
def test_a_picture_is_a_picture_and_the_same_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("x.svg", "y.svg", "x.png", "y.png"):
        assert call(capsys, "plot", "a", "b", "-o", name) == ("", f"drawn in {name}\n")
    for ending in ("svg", "png"):
        assert Path(f"x.{ending}").read_bytes() == Path(f"y.{ending}").read_bytes()
    tree = ET.parse("x.svg")
    assert len(tree.findall(f".//{SVG}g[@class]") + tree.findall(f".//{SVG}path")) > 10
    with Image.open("x.png") as image:
        assert image.size[0] > 500
        assert len(image.convert("RGB").getcolors(1 << 20) or ()) > 10


@pytest.mark.needs("module:matplotlib")
def test_names_are_no_markup_in_a_picture(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    for run_id, name in (("a", "$\\frac{$"), ("b", "_hidden"), ("c", "日本 $x^2$")):
        write_run(
            store, run_id, name=name, files={"metrics.jsonl": lines(1, 2, name="$\\\\frac{$")}
        )
    call(capsys, "plot", "a", "b", "c", "-o", "x.png")
    assert Path("x.png").stat().st_size > 1000
    assert "cannot write" in call(capsys, "plot", "a", "-o", "missing/x.png", code=5)[1]
