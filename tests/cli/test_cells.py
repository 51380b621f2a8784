from __future__ import annotations

import math
import time

import pytest

from gittrack.cli import cells

NOW = 1_795_411_510_252
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def test_control_characters_and_turned_text_are_shown_as_escapes() -> None:
    assert cells.plain("\x1b[31mred\n\u202eevil\x9b") == "\\x1b[31mred\\n\\u202eevil\\x9b"
    assert cells.plain("größe 日本 👩\u200d🔬") == "größe 日本 👩\u200d🔬"
    assert cells.plain("a\nb", keep="\n") == "a\nb"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        (10**9, "1000000000"),
        (0.1 + 0.2, "0.3"),
        (12.0, "12.0"),
        (1234567.8, "1.2346e+06"),
        (1e-7, "1e-07"),
        (math.nan, "NaN"),
        (-math.inf, "-∞"),
    ],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert cells.number(value) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (3, "3 ms"),
        (1234, "1.2 s"),
        (9_960, "10 s"),
        (61_000, "1 min 01 s"),
        (90 * MINUTE, "1 h 30 min"),
        (3 * DAY + 5 * HOUR, "3 d 5 h"),
        (-5, "0 ms"),
    ],
)
def test_durations(milliseconds: int, text: str) -> None:
    assert cells.duration(milliseconds).text == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_999, "1.0 MB"),
        (12 * 10**18, "12000.0 PB"),
    ],
)
def test_sizes(size: int, text: str) -> None:
    assert cells.size(size).text == text
    assert cells.size(size).value == size


def test_times_are_relative_when_near_and_local_when_far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Etc/GMT-2")
    time.tzset()
    try:
        ages = [5_000, 10 * MINUTE, 2 * HOUR, 40 * DAY, 400 * DAY, -HOUR]
        texts = [cells.moment(NOW - age, now=NOW).text for age in ages]
        assert texts == ["5 s ago", "10 min ago", "05:25", "14 Oct", "2025-10-19", "08:25"]
    finally:
        monkeypatch.undo()
        time.tzset()
    assert cells.moment(NOW, now=NOW).value == "2026-11-23T05:25:10.252Z"


@pytest.mark.parametrize("zone", ["Etc/GMT-2", "Etc/GMT+2", "UTC"])
def test_the_first_and_the_last_day_of_the_calendar(
    monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        for moment in (-62_135_596_800_000, 253_402_300_799_999):
            assert cells.moment(moment, now=NOW).text
            assert cells.local_time(moment)
    finally:
        monkeypatch.undo()
        time.tzset()
