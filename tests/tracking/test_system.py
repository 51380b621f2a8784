"""System metrics: how busy the machine was, on request, in files of their own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import types

import pytest

import gittrack
from gittrack import schema
from gittrack.errors import InvalidValueError, MissingPackageError, TrackingWarning
from gittrack.runs import systemlines
from gittrack.tracking import system
from tests.conftest import python

NAMES = {
    "cpu_utilization_percentage",
    "disk_available_megabytes",
    "disk_usage_megabytes",
    "disk_usage_percentage",
    "network_receive_megabytes",
    "network_transmit_megabytes",
    "system_memory_usage_megabytes",
    "system_memory_usage_percentage",
}


def lines_of(run, name="system.jsonl"):
    path = run.writer.folder / name
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def wait_for_lines(run, count):
    for _ in range(6000):
        if len(lines_of(run)) >= count:
            return
        time.sleep(0.01)
    raise AssertionError(f"no {count} lines")


def test_without_a_request_nothing_is_sampled():
    with gittrack.start_run() as run:
        gittrack.log_metric("loss", 1)
    assert not list(run.writer.folder.glob("system*"))


def test_a_run_that_asks_for_them_has_samples_of_all_the_machine_has():
    gittrack.set_system_metrics_sampling_interval(0.05)
    with gittrack.start_run(log_system_metrics=True) as run:
        wait_for_lines(run, 3)
    found = lines_of(run)
    assert all(schema.check("line", line) == [] for line in found)
    assert [line["step"] for line in found] == list(range(len(found)))
    names = {name.removeprefix("system/") for name in found[0]["metrics"]}
    assert {name for name in names if not name.startswith("gpu_")} == NAMES
    assert 0 < found[-1]["metrics"]["system/system_memory_usage_percentage"] <= 100
    assert found[-1]["metrics"]["system/disk_available_megabytes"] > 0


def test_a_run_shorter_than_the_interval_has_one_sample():
    with gittrack.start_run(log_system_metrics=True) as run:
        pass
    assert len(lines_of(run)) == 1


def test_they_are_read_as_mlflows_users_read_them_and_are_no_part_of_the_summary():
    with gittrack.start_run(log_system_metrics=True) as run:
        gittrack.log_metric("loss", 1)
    name = "system/system_memory_usage_percentage"
    read = gittrack.get_run(run.info.run_id)
    (point,) = gittrack.MlflowClient().get_metric_history(run.info.run_id, name)
    assert read.data.metrics[name] == point.value == lines_of(run)[0]["metrics"][name]
    assert read.data.metrics["loss"] == 1
    record = json.loads((run.writer.folder / "run.json").read_bytes())
    assert list(record["metrics"]) == ["loss"]
    assert list(record["files"]) == ["metrics.jsonl"]
    assert gittrack.search_runs(output_format="list")[0].data.metrics == {"loss": 1}


def test_a_resumed_run_goes_on_where_its_samples_ended():
    with gittrack.start_run(log_system_metrics=True) as run:
        pass
    with gittrack.start_run(run_id=run.info.run_id, log_system_metrics=True) as again:
        pass
    (second,) = again.writer.folder.glob("system.*.jsonl")
    assert [line["step"] for line in lines_of(run)] == [0]
    assert [line["step"] for line in lines_of(again, second.name)] == [1]
    name = "system/cpu_utilization_percentage"
    history = gittrack.MlflowClient().get_metric_history(run.info.run_id, name)
    assert [point.step for point in history] == [0, 1]


def test_switched_on_for_all_runs_and_off_for_one_and_back():
    gittrack.enable_system_metrics_logging()
    with gittrack.start_run() as on:
        pass
    with gittrack.start_run(log_system_metrics=False) as off:
        pass
    gittrack.disable_system_metrics_logging()
    with gittrack.start_run() as after:
        pass
    assert [len(lines_of(run)) for run in (on, off, after)] == [1, 0, 0]


@pytest.mark.parametrize("prefix", ["GITTRACK", "MLFLOW"])
def test_the_environment_switches_them_on_names_the_node_and_sets_the_interval(monkeypatch, prefix):
    monkeypatch.setenv(f"{prefix}_ENABLE_SYSTEM_METRICS_LOGGING", "true")
    monkeypatch.setenv(f"{prefix}_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.05")
    monkeypatch.setenv(f"{prefix}_SYSTEM_METRICS_NODE_ID", "node-1")
    with gittrack.start_run() as run:
        wait_for_lines(run, 2)
    assert "system/node-1/cpu_utilization_percentage" in lines_of(run)[0]["metrics"]


def test_a_line_is_the_mean_of_as_many_samples_as_asked_for(isolated):
    gittrack.set_system_metrics_samples_before_logging(2)
    sampler = system.Sampler(isolated / "run")
    assert sampler._samples == 2
    sampler._write([{"a": 1.0}, {"a": 2.0}])
    sampler._write([{"a": 4.0}])
    sampler.stop()
    found = [fold.last for fold in systemlines.latest(isolated / "run").values()]
    assert found == [4.0]
    first = json.loads((isolated / "run" / "system.jsonl").read_bytes().splitlines()[0])
    assert first["metrics"] == {"system/a": 1.5}


@pytest.mark.parametrize("value", [0, -1, "often", float("nan")])
def test_an_interval_that_is_none_is_refused(value):
    with pytest.raises(InvalidValueError, match="no positive number"):
        gittrack.set_system_metrics_sampling_interval(value)


def test_nonsense_in_the_environment_is_as_if_it_were_not_there(monkeypatch):
    monkeypatch.setenv("GITTRACK_SYSTEM_METRICS_SAMPLING_INTERVAL", "often")
    with gittrack.start_run(log_system_metrics=True) as run:
        pass
    assert len(lines_of(run)) == 1


def test_a_removed_tree_is_written_again_with_all_samples():
    gittrack.set_system_metrics_sampling_interval(0.05)
    with gittrack.start_run(log_system_metrics=True) as run:
        wait_for_lines(run, 2)
        shutil.rmtree(run.writer.folder)
        gittrack.log_metric("loss", 1)
    steps = [line["step"] for line in lines_of(run)]
    assert steps == list(range(len(steps)))
    assert len(steps) >= 2


FORKS = """
import os
import gittrack
from tests.tracking.test_system import lines_of, wait_for_lines

gittrack.set_system_metrics_sampling_interval(0.02)
with gittrack.start_run(log_system_metrics=True) as run:
    child = os.fork()
    if child == 0:
        gittrack.end_run()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    seen = len(lines_of(run))
    wait_for_lines(run, seen + 2)
print(*(line["step"] for line in lines_of(run)))
"""


def test_a_forked_child_samples_nothing_and_stops_nothing(store):
    # In a process that has no threads of others, whose locks a fork would leave taken.
    steps = python(FORKS, timeout=120).stdout.split()
    assert steps == [str(step) for step in range(len(steps))]
    assert [path.name for path in store.find("@").folder.glob("system*")] == ["system.jsonl"]


def test_a_killed_run_keeps_its_samples(store):
    script = (
        "import gittrack, time\n"
        "gittrack.set_system_metrics_sampling_interval(0.02)\n"
        "run = gittrack.start_run(log_system_metrics=True)\n"
        "print(run.writer.folder, flush=True)\n"
        "time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    path = store.root / process.stdout.readline().strip() / "system.jsonl"
    for _ in range(6000):
        if path.exists() and path.read_bytes().count(b"\n") >= 2:
            break
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert store.find("@").system_metrics()["system/disk_usage_percentage"] > 0


def test_without_psutil_a_call_that_asks_raises_and_the_environment_only_warns(monkeypatch):
    monkeypatch.setitem(sys.modules, "psutil", None)
    with pytest.raises(MissingPackageError, match="needs? psutil") as caught:
        gittrack.start_run(log_system_metrics=True)
    assert "pip install" in caught.value.hint
    assert gittrack.active_run() is None
    gittrack.enable_system_metrics_logging()
    with pytest.warns(TrackingWarning, match="psutil"), gittrack.start_run() as run:
        pass
    assert lines_of(run) == []


def test_without_a_gpu_or_its_library_there_are_no_gpu_metrics(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert system._gpus() == []


def test_a_gpu_is_read_by_nvidias_calls_and_a_reading_that_fails_hides_no_other(
    monkeypatch, isolated
):
    # No test machine has a GPU: this answers as its library does, by the names and units of NVML.
    def refuse(_):
        raise RuntimeError("Not Supported")

    nvml = types.SimpleNamespace(
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: 1,
        nvmlDeviceGetHandleByIndex=lambda at: at,
        nvmlDeviceGetMemoryInfo=lambda _: types.SimpleNamespace(used=20e9, total=80e9),
        nvmlDeviceGetUtilizationRates=refuse,
        nvmlDeviceGetPowerUsage=lambda _: 350_000,
        nvmlDeviceGetEnforcedPowerLimit=lambda _: 700_000,
    )
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    found = system.Sampler(isolated)._sample()
    assert {name: value for name, value in found.items() if name.startswith("gpu_")} == {
        "gpu_0_memory_usage_percentage": 25.0,
        "gpu_0_memory_usage_megabytes": 20_000.0,
        "gpu_0_power_usage_watts": 350.0,
        "gpu_0_power_usage_percentage": 50.0,
    }


def test_what_is_measured_is_not_loaded_before_it_is_asked_for():
    python(
        "import gittrack, sys\nwith gittrack.start_run(): pass\nassert 'psutil' not in sys.modules"
    )
