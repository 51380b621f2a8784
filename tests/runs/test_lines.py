"""Line files: whatever was logged by however many processes, every reader finds the same."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrack import schema
from gittrack.runs import lines
from gittrack.runs.lines import FileFold, Point
from gittrack.runs.record import MetricSummary
from gittrack.runs.series import history
from gittrack.runs.values import param_text, same_param

values = st.sampled_from([0.0, 1.0, -1.5, 7.0, math.inf, -math.inf]) | st.floats(width=16)
metric_calls = st.fixed_dictionaries(
    {"time": st.integers(0, 6), "step": st.none() | st.integers(-2, 3)},
).flatmap(
    lambda head: st.dictionaries(st.sampled_from("ab"), values, min_size=1).map(
        lambda metrics: {**head, "metrics": metrics}
    )
)
param_calls = st.builds(
    lambda time, params: {"time": time, "params": params},
    st.integers(0, 6),
    st.dictionaries(st.sampled_from("pq"), st.sampled_from([1, "1", 2, "x"]), min_size=1),
)
tag_calls = st.builds(
    lambda time, tags: {"time": time, "tags": tags},
    st.integers(0, 6),
    st.dictionaries(st.sampled_from("tu"), st.none() | st.sampled_from("xy"), min_size=1),
)
calls = st.lists(metric_calls | param_calls | tag_calls, max_size=8)
files_of_a_run = st.dictionaries(
    st.sampled_from(
        ["metrics.jsonl", "metrics.2.jsonl", "metrics.10.jsonl", "metrics.r1-aaaa0000.jsonl"]
    ),
    calls,
    max_size=4,
)


def as_line(call) -> bytes:
    if "metrics" in call:
        return lines.metrics_line(call["metrics"], time=call["time"], step=call["step"])
    kind = "params" if "params" in call else "tags"
    return lines.entry_line(kind, call[kind], time=call["time"])


def folded(run) -> lines.Folded:
    folds = {}
    for name, logged in run.items():
        folds[name] = FileFold()
        for call in logged:
            folds[name].add(json.loads(as_line(call)))
    return lines.merge(folds)


def same(first: float, second: float) -> bool:
    return first == second or (math.isnan(first) and math.isnan(second))


@given(metric_calls | param_calls | tag_calls)
def test_every_line_is_one_line_and_fits_the_schema(call):
    line = as_line(call)
    assert line.count(b"\n") == 1
    assert schema.check("line", json.loads(line)) == []


@given(st.dictionaries(st.text(min_size=1), st.floats(), min_size=1), st.none() | st.integers())
def test_what_was_logged_reads_back(metrics, step):
    entry = json.loads(lines.metrics_line(metrics, time=5, step=step))
    fold = FileFold()
    fold.add(entry)
    assert all(same(fold.metrics[name].last, value) for name, value in metrics.items())
    assert ("step" in entry) == (step is not None)


@given(files_of_a_run)
def test_extremes_and_counts_are_those_of_all_values(run):
    for name, summary in folded(run).metrics.items():
        logged = [
            call["metrics"][name]
            for calls in run.values()
            for call in calls
            if name in call.get("metrics", {})
        ]
        numbers = [value for value in logged if not math.isnan(value)]
        assert summary.count == len(logged)
        assert summary.min == min(numbers, default=None)
        assert summary.max == max(numbers, default=None)


@given(calls)
def test_in_a_file_the_last_line_of_the_greatest_step_is_last(logged):
    for name, summary in folded({"metrics.jsonl": logged}).metrics.items():
        points = [call for call in logged if name in call.get("metrics", {})]
        greatest = max(call["step"] or 0 for call in points)
        last = [call for call in points if (call["step"] or 0) == greatest][-1]
        assert summary.step == greatest
        assert same(summary.last, last["metrics"][name])


@given(files_of_a_run)
def test_between_files_the_greatest_step_wins_then_the_later_time(run):
    for name, summary in folded(run).metrics.items():
        candidates = []
        for file in sorted(run, key=lines.paths.line_file_order):
            points = [call for call in run[file] if name in call.get("metrics", {})]
            if points:
                greatest = max(call["step"] or 0 for call in points)
                last = [call for call in points if (call["step"] or 0) == greatest][-1]
                candidates.append((greatest, last["time"], last["metrics"][name]))
        expected = candidates[0]
        for candidate in candidates[1:]:
            expected = candidate if candidate[:2] >= expected[:2] else expected
        assert (summary.step, same(summary.last, expected[2])) == (expected[0], True)


@given(files_of_a_run)
def test_the_first_value_of_a_param_is_kept_and_another_one_reported(run):
    found = folded(run)
    for name, kept in found.params.items():
        firsts = [
            next(
                (call["time"], call["params"][name])
                for call in logged
                if name in call.get("params", {})
            )
            for logged in run.values()
            if any(name in call.get("params", {}) for call in logged)
        ]
        earliest = min(time for time, _ in firsts)
        assert any(time == earliest and value == kept for time, value in firsts)
        differ = any(not same_param(value, kept) for _, value in firsts)
        reported = [str(problem) for problem in found.problems if f"param {name!r}" in str(problem)]
        assert bool(reported) == differ
        assert all(f"{param_text(kept)} is kept" in text for text in reported)


@given(files_of_a_run)
def test_the_latest_value_of_a_tag_is_kept(run):
    for name, kept in folded(run).tags.items():
        lasts = [
            [(call["time"], call["tags"][name]) for call in logged if name in call.get("tags", {})][
                -1
            ]
            for logged in run.values()
            if any(name in call.get("tags", {}) for call in logged)
        ]
        latest = max(time for time, _ in lasts)
        assert (latest, kept) in lasts


@given(files_of_a_run, st.randoms())
def test_the_order_in_which_files_are_listed_does_not_count_for_metrics(run, random):
    names = list(run)
    random.shuffle(names)
    first, second = folded(run).metrics, folded({name: run[name] for name in names}).metrics
    assert repr(first) == repr(second)


def test_params_that_came_before_all_lines_are_kept():
    fold = FileFold()
    fold.add({"time": 1, "params": {"alpha": 2}})
    found = lines.merge({"metrics.jsonl": fold}, {"alpha": 1})
    assert found.params == {"alpha": 1}
    assert "was 1 before" in str(found.problems[0])


def test_the_summary_of_a_whole_run():
    fold = FileFold()
    for step, value in enumerate([1.3, 0.71, 0.78]):
        fold.add({"time": step, "step": step, "metrics": {"rmse": value}})
    assert lines.merge({"metrics.jsonl": fold}).metrics == {
        "rmse": MetricSummary(0.78, 2, 0.71, 1.3, 3)
    }


def test_a_metric_that_is_never_a_number_has_no_extremes():
    fold = FileFold()
    fold.add({"time": 1, "metrics": {"loss": "NaN"}})
    summary = lines.merge({"metrics.jsonl": fold}).metrics["loss"]
    assert (summary.min, summary.max, summary.count) == (None, None, 1)


def test_the_latest_end_that_a_process_asked_for_counts():
    early, late = FileFold(), FileFold()
    early.add({"time": 1, "status": "KILLED"})
    late.add({"time": 2, "status": "FAILED"})
    assert lines.merge({"a": late, "b": early}).status == (2, "FAILED")


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"time": "1"},
        {"time": 1.5},
        {"time": True},
        {"time": 1, "step": "x"},
        {"time": 1, "metrics": []},
        {"time": 1, "metrics": {"a": "x"}},
        {"time": 1, "metrics": {"a": None}},
        {"time": 1, "params": {"a": []}},
        {"time": 1, "tags": {"a": 1}},
    ],
)
def test_a_line_of_another_format_is_named_and_hides_no_other(tmp_path, entry):
    path = tmp_path / "metrics.jsonl"
    good = b'{"time":1,"metrics":{"a":1}}\n'
    path.write_bytes(good + json.dumps(entry).encode() + b"\n" + good)
    fold = lines.fold_file(path)
    assert fold.metrics["a"].count == 2
    assert [problem.line for problem in fold.problems] == [2]


def test_keys_that_this_version_does_not_know_do_no_harm():
    fold = FileFold()
    fold.add({"time": 1, "weather": "fine", "status": "PAUSED", "metrics": {"a": 1}})
    assert fold.metrics["a"].last == 1
    assert fold.status is None


def test_history_is_every_point_of_all_files_by_step_and_time(tmp_path):
    (tmp_path / "metrics.jsonl").write_text(
        '{"time":9,"step":1,"metrics":{"a":3}}\n{"time":1,"metrics":{"a":"NaN","b":1}}\n'
        '{"time":2,"metrics":{"b":2}}\nbroken\n{"time":3,"metrics":{"a":"x"}}\n'
    )
    (tmp_path / "metrics.r1-aaaa0000.jsonl").write_text('{"time":5,"step":1,"metrics":{"a":2}}\n')
    (tmp_path / "system.jsonl").write_text('{"time":5,"step":1,"metrics":{"a":7}}\n')
    first, *others = history(lines.line_files(tmp_path), "a")
    assert math.isnan(first.value)
    assert others == [Point(1, 5, 2.0), Point(1, 9, 3.0)]


def test_a_continued_file_follows_the_one_before(tmp_path):
    for number, name in enumerate(["metrics.jsonl", "metrics.2.jsonl", "metrics.10.jsonl"]):
        (tmp_path / name).write_text(f'{{"time":1,"metrics":{{"a":{number}}}}}\n')
    files = lines.line_files(tmp_path)
    assert [point.value for point in history(files, "a")] == [0, 1, 2]
    assert lines.merge({path.name: lines.fold_file(path) for path in files}).metrics["a"].last == 2


def test_a_missing_folder_has_no_lines(tmp_path):
    assert lines.line_files(tmp_path / "nowhere") == []


named_points = st.tuples(
    st.sampled_from("abc"), st.integers(-3, 3), st.integers(0, 5), st.floats(width=32)
)


@given(
    st.lists(named_points, min_size=1, max_size=6).flatmap(
        lambda row: st.integers(1, 5).map(lambda times: row * times)
    )
    | st.lists(named_points, min_size=1, max_size=30),
    st.integers(0, 30),
)
def test_folding_many_lines_at_once_is_the_same_as_one_by_one(points, cut):
    one_by_one: dict[str, lines.MetricFold] = {}
    for name, *point in points:
        if name in one_by_one:
            one_by_one[name].add(*point)
        else:
            one_by_one[name] = lines.MetricFold(lines.Point(*point))
    at_once = lines.FileFold()
    for part in (points[:cut], points[cut:]):
        at_once.waiting += [item for point in part for item in point]
        at_once.settle()
    assert at_once.metrics.keys() == one_by_one.keys()
    for metric, fold in at_once.metrics.items():
        for name in ("count", "step", "time", "last", "min", "max"):
            pair = getattr(fold, name), getattr(one_by_one[metric], name)
            assert repr(pair[0]) == repr(pair[1]) or pair[0] == pair[1]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "a/b", "x a", "b"]),
            st.floats(),
            st.none() | st.integers(-5, 10**12),
            st.sampled_from(["ours", "several", "spaced", "escaped", "broken"]),
        ),
        max_size=20,
    )
)
def test_history_is_what_reading_each_line_as_json_gives(tmp_path_factory, calls):
    folder = tmp_path_factory.mktemp("run")
    expected = []
    with (folder / "metrics.jsonl").open("wb") as file:
        for time, (name, value, step, form) in enumerate(calls):
            plain = lines.metric_line(name, value, time=time, step=step)
            several = lines.metrics_line({"z": 1.0, name: value, "y": 2.0}, time=time, step=step)
            data = several if form == "several" else plain
            if form == "spaced":
                data = json.dumps(json.loads(plain), separators=(" , ", " : ")).encode() + b"\n"
            if form == "escaped":
                data = plain.replace(b'"a', b'"\\u0061')
            file.write(b'{"time":\n' if form == "broken" else data)
            if form != "broken" and name == "a":
                expected.append((step or 0, time, value))
    found = history(lines.line_files(folder), "a")
    expected.sort(key=lambda point: point[:2])
    assert [repr(tuple(point)) for point in found] == [repr(point) for point in expected]
