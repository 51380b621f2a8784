from __future__ import annotations

import math
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gittrack import files
from gittrack.compare import ABSENT, compare
from gittrack.compare.artifacts import same_file
from tests.conftest import git, make_repository
from tests.making import write_run

if TYPE_CHECKING:
    from gittrack.runs.store import Store


def test_runs_that_are_the_same_have_no_difference(store: Store) -> None:
    same = {
        "params": {"a": 0.5},
        "metrics": {"acc": 0.9, "nan": math.nan},
        "tags": {"t": "x"},
        "source": {"command": "python train.py"},
        "files": {"artifacts/x.txt": "x", "requirements.txt": "numpy==1\n"},
    }
    difference = compare(write_run(store, "a", **same), write_run(store, "b", **same), store)
    assert not difference
    assert difference.to_dict()["different"] is False


def test_params_differ_by_value_not_by_spelling(store: Store) -> None:
    first = write_run(store, "a", params={"same": 0.5, "alpha": 1, "gone": None, "on": True})
    second = write_run(store, "b", params={"same": "0.50", "alpha": 2, "new": "x", "on": False})
    assert compare(first, second, store).params == (
        ("alpha", 1, 2),
        ("gone", None, ABSENT),
        ("new", ABSENT, "x"),
        ("on", True, False),
    )


def test_metrics_differ_with_change_and_relative_change(store: Store) -> None:
    first = write_run(store, "a", metrics={"acc": 0.5, "zero": 0, "inf": math.inf, "gone": 1})
    second = write_run(store, "b", metrics={"acc": 0.75, "zero": 1, "inf": 1, "nan": math.nan})
    acc, gone, inf, nan, zero = compare(first, second, store).metrics
    assert (acc.name, acc.change, acc.relative) == ("acc", 0.25, 0.5)
    assert (gone.first, gone.second, gone.change) == (1, None, None)
    assert (inf.change, inf.relative) == (None, None)
    assert (nan.first, nan.change) == (None, None)
    assert (zero.change, zero.relative) == (1, None)


def test_tags_environment_and_source(store: Store) -> None:
    first = write_run(
        store,
        "a",
        tags={"team": "a", "x": "1"},
        python="3.11.7",
        source={"command": "python a.py", "git": {"branch": "main", "dirty": False}},
        files={"requirements.txt": "Numpy==1.26\npandas==2.0\nlib @ file:///x\n# comment\n"},
    )
    second = write_run(
        store,
        "b",
        tags={"team": "b", "x": "1"},
        python="3.12.1",
        source={"command": "python b.py", "git": {"dirty": True, "patch_sha256": "ab"}},
        files={"requirements.txt": "numpy==2.0\ntorch==2.4\nlib @ file:///x\n"},
    )
    difference = compare(first, second, store)
    assert difference.tags == (("team", "a", "b"),)
    assert difference.environment == (("python", "3.11.7", "3.12.1"),)
    assert difference.packages == (
        ("numpy", "1.26", "2.0"),
        ("pandas", "2.0", ABSENT),
        ("torch", ABSENT, "2.4"),
    )
    assert difference.code == (
        ("branch", "main", ABSENT),
        ("uncommitted", False, True),
        ("command", "python a.py", "python b.py"),
        ("patch", ABSENT, "ab"),
    )


def test_the_command_of_a_project_says_no_more_than_its_params(store: Store) -> None:
    runs = [
        write_run(
            store,
            run_id,
            source={
                "command": f"python train.py {run_id}",
                "project": {"uri": "examples/wine", "entry_point": entry_point},
            },
        )
        for run_id, entry_point in (("a", "main"), ("b", "main"), ("c", "validate"))
    ]
    assert not compare(runs[0], runs[1], store)
    assert [change.name for change in compare(runs[0], runs[2], store).code] == [
        "entry point",
        "command",
    ]


def test_datasets_differ_by_digest(store: Store) -> None:
    train = {"name": "wine.csv", "digest": "sha256:1", "context": "training"}
    first = write_run(store, "a", inputs=(train, {"name": "x", "digest": "sha256:2"}))
    second = write_run(
        store,
        "b",
        inputs=(
            {**train, "digest": "sha256:3"},
            {"name": "x", "digest": "sha256:2"},
            {**train, "context": "test"},
        ),
    )
    difference = compare(first, second, store)
    assert difference.datasets == (
        ("wine.csv", "test", None, "sha256:1"),
        ("wine.csv", "training", "sha256:1", "sha256:3"),
    )
    assert difference.to_dict()["datasets"][0] == {
        "name": "wine.csv",
        "context": "test",
        "second": "sha256:1",
    }


def test_a_run_without_requirements_does_not_list_all_of_the_other(store: Store) -> None:
    first = write_run(store, "a", files={"requirements.txt": "numpy==1\n"})
    assert not compare(first, write_run(store, "b"), store)


def test_artifacts_differ_by_content(store: Store) -> None:
    first = write_run(
        store, "a", files={"artifacts/m/same": "x", "artifacts/m/other": "12", "artifacts/gone": ""}
    )
    second = write_run(
        store, "b", files={"artifacts/m/same": "x", "artifacts/m/other": "34", "artifacts/new": "x"}
    )
    os.utime(second.artifacts / "m" / "same", (1, 1))
    assert [change[:3] for change in compare(first, second, store).artifacts] == [
        ("gone", 0, None),
        ("m/other", 2, 2),
        ("new", None, 1),
    ]


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_among_artifacts_is_compared_as_a_link(store: Store) -> None:
    runs = [write_run(store, run_id, files={"artifacts/x": "x"}) for run_id in "abc"]
    for run, target in zip(runs, ("/dev/zero", "/dev/zero", "x"), strict=True):
        (run.artifacts / "link").symlink_to(target)
    assert not compare(runs[0], runs[1], store)
    assert [change.path for change in compare(runs[0], runs[2], store).artifacts] == ["link"]


def test_code_of_two_commits_is_compared_file_by_file(store: Store) -> None:
    root = make_repository(store.root.parent, {"train.py": "a\n"})
    one = git("rev-parse", "HEAD", cwd=root)
    (root / "train.py").write_text("b\nc\n")
    git("commit", "-qam", "second", cwd=root)
    two = git("rev-parse", "HEAD", cwd=root)
    first = write_run(store, "a", source={"git": {"commit": one}})
    second = write_run(store, "b", source={"git": {"commit": two}})
    difference = compare(first, second, store)
    assert difference.code == (("commit", one, two),)
    assert difference.files == (("train.py", 2, 1),)
    assert difference.unknown == ""


def test_a_commit_from_elsewhere_is_said_to_be_unknown(store: Store) -> None:
    first = write_run(store, "a", source={"git": {"commit": "a" * 40}})
    second = write_run(store, "b", source={"git": {"commit": "--output=x"}})
    difference = compare(first, second, store)
    assert difference.files == ()
    assert "commit aaaaaaaaaa is not in the repository" in difference.unknown


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_what_cannot_be_compared_is_said_and_not_followed(store: Store) -> None:
    first = write_run(store, "a", files={"requirements.txt": "x==1\n", "artifacts/x": "x"})
    second = write_run(store, "b", files={"artifacts/x": "x"})
    for place, target in (("requirements.txt", "/etc/passwd"), ("requirements.txt", "/dev/zero")):
        (second.folder / place).unlink(missing_ok=True)
        (second.folder / place).symlink_to(target)
        difference = compare(first, second, store)
        assert not difference
        assert [problem.path.name for problem in difference.problems] == ["requirements.txt"]
    second.artifacts.rename(second.folder / "moved")
    second.artifacts.symlink_to("/etc")
    difference = compare(first, second, store)
    assert [change[:3] for change in difference.artifacts] == [("x", 1, None)]
    assert "artifacts" in [problem.path.name for problem in difference.problems]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
def test_a_pipe_is_not_waited_for(store: Store) -> None:
    first = write_run(store, "a", files={"requirements.txt": "x==1\n"})
    second = write_run(store, "b")
    os.mkfifo(second.folder / "requirements.txt")
    assert compare(first, second, store).problems


def test_an_artifact_that_is_gone_while_it_is_compared_is_a_problem(store: Store) -> None:
    problems: list[files.Problem] = []
    assert same_file(store.root / "gone", store.root / "too", problems)
    assert [problem.path.name for problem in problems] == ["gone"]


def test_datasets_nested_deeply_are_compared(store: Store) -> None:
    deep: object = "x"
    for _ in range(900):
        deep = [deep]
    first = write_run(store, "a")
    second = replace(first, record=first.record.replaced(inputs=({"name": deep},)))
    assert len(compare(first, second, store).datasets) == 1
