from __future__ import annotations

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from gittrack.runs.store import Store
from gittrack.ui import curves
from tests.making import write_run
from tests.ui import gallery


def test_a_short_curve_is_kept_whole():
    assert list(curves.thinned([1.0, 2.0, 3.0])) == [0, 1, 2]


def test_a_single_spike_among_a_hundred_thousand_values_is_kept():
    values = [0.0] * 100_000
    values[54_321], values[77_777] = 9.0, -9.0
    kept = curves.thinned(values)
    assert len(kept) <= 2 * curves.BUCKETS + 2
    assert {54_321, 77_777} <= set(kept)


@given(st.lists(st.floats(), min_size=1, max_size=400), st.integers(1, 40))
def test_the_ends_and_the_extremes_stay_whatever_the_values(values, buckets):
    kept = list(curves.thinned(values, buckets))
    finite = [value for value in values if math.isfinite(value)]
    assert kept == sorted(set(kept))
    assert (kept[0], kept[-1]) == (0, len(values) - 1)
    if finite:
        seen = [values[place] for place in kept if math.isfinite(values[place])]
        assert (min(seen), max(seen)) == (min(finite), max(finite))


def test_a_curve_is_read_again_when_its_file_has_grown(store: Store):
    run = write_run(store, "a123456789", files={"metrics.jsonl": gallery.curve(3, 0.1)})
    kept = curves.Curves()
    assert json.loads(kept.of(run.folder, "loss"))["count"] == 3
    with (run.folder / "metrics.jsonl").open("a") as file:
        file.write('{"step":3,"time":1795411599999,"metrics":{"loss":"NaN"}}\n')
    assert json.loads(kept.of(run.folder, "loss"))["value"][-1] == "NaN"


def test_system_metrics_are_curves_of_their_own_file(store: Store):
    run = write_run(store, "a123456789", files={"system.jsonl": gallery.system(4)})
    found = json.loads(curves.of_run(run.folder, [], curves.Curves()))
    assert found["system"]["system/cpu_percent"]["value"] == [50.0, 51.0, 52.0, 53.0]
