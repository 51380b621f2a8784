"""Gates pass only what was measured and is good enough."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrack.errors import UsageError
from gittrack.gates import Checked, Gate, Rules, Tolerance, check, read_rules
from gittrack.runs.record import FAILED, RUNNING, to_bytes
from gittrack.runs.store import Store
from tests.conftest import git, make_repository
from tests.making import START, put, record, write_run


def outcomes(store: Store, run_id: str, **given: list[str] | str) -> dict[str, str]:
    asked = {"low": [], "high": [], "regress": [], **given}
    found = check(store, store.find(run_id), read_rules(store, **asked))
    return {f"{gate.kind} {gate.metric}": gate.outcome for gate in found.gates} | {
        "exit": str(found.exit_code)
    }


def test_bounds_are_inclusive(store: Store) -> None:
    write_run(store, "aaaa", metrics={"acc": 0.9, "loss": 0.3, "nan": float("nan")})
    assert outcomes(store, "aaaa", low=["metrics.acc=0.9"], high=["loss=0.3"])["exit"] == "0"
    assert outcomes(store, "aaaa", low=["acc=0.91"])["exit"] == "1"
    assert outcomes(store, "aaaa", high=["loss=0.29"])["exit"] == "1"
    assert outcomes(store, "aaaa", low=["nope=0"]) == {"min nope": "unmeasured", "exit": "4"}
    assert outcomes(store, "aaaa", high=["nan=1"])["exit"] == "4"
    assert outcomes(store, "aaaa", low=["nope=0", "acc=1"])["exit"] == "1"


def test_a_run_that_did_not_finish_never_passes(store: Store) -> None:
    write_run(store, "aaaa", metrics={"acc": 0.9}, status=FAILED)
    assert outcomes(store, "aaaa", low=["acc=0.5"])["exit"] == "4"
    assert outcomes(store, "aaaa", low=["acc=0.95"])["exit"] == "1"


def test_a_run_that_ends_while_it_is_looked_at_is_judged_by_how_it_ended(store: Store) -> None:
    run = write_run(store, "aaaa", metrics={"acc": 0.1}, status=RUNNING)
    put(run.folder / "run.json", to_bytes(record("aaaa", metrics={"acc": 0.9})))
    asked = read_rules(store, low=["acc=0.5"], high=[], regress=[])
    assert check(store, run, asked).exit_code == 0


@pytest.fixture
def branched(isolated: Path, store: Store) -> Store:
    """On main runs of acc 0.8 and, later, 0.7; one on a branch, after which main went on."""
    make_repository(isolated)
    write_run(store, "aaaa", metrics={"acc": 0.8, "loss": 0.2, "odd": 1})
    write_run(store, "bbbb", metrics={"acc": 0.7, "loss": 0.1}, start_time=START + 1000)
    write_run(store, "dead", metrics={"acc": 0.99, "loss": 0.01}, status=FAILED)
    write_run(store, "else", metrics={"acc": 1.0}, experiment="other")
    git("add", "-A")
    git("commit", "-q", "-m", "main")
    git("checkout", "-q", "-b", "feature")
    write_run(store, "cccc", metrics={"acc": 0.79, "loss": 0.1, "odd": 1}, start_time=START + 2000)
    git("add", "-A")
    git("commit", "-q", "-m", "feature")
    git("checkout", "-q", "main")
    write_run(store, "late", metrics={"acc": 0.95})
    git("add", "-A")
    git("commit", "-q", "-m", "main went on")
    git("checkout", "-q", "feature")
    return store


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"regress": ["acc=2%"]}, "0"),
        ({"regress": ["acc=1%"]}, "1"),
        ({"regress": ["acc=0.0101"]}, "0"),
        ({"regress": ["acc=1%,0.0101"]}, "0"),
        ({"regress": ["acc=0%"], "baseline": "latest"}, "0"),
        ({"regress": ["loss=0%"]}, "0"),
        ({}, "1"),
        ({"regress": ["odd=0%"]}, "4"),
        ({"regress": ["nope=0%"]}, "4"),
    ],
)
def test_a_run_is_held_against_those_where_the_branch_left(branched: Store, given, code) -> None:
    assert outcomes(branched, "cccc", against="main", **given)["exit"] == code


def test_what_cannot_be_compared_is_no_pass(branched: Store, isolated: Path) -> None:
    write_run(branched, "lone", experiment="new", metrics={"acc": 1.0})
    assert outcomes(branched, "lone", against="main", regress=["acc=1%"])["exit"] == "4"
    assert outcomes(branched, "cccc", against="nope")["exit"] == "4"
    write_run(branched, "bare", start_time=START + 5000)
    assert outcomes(branched, "bare", against="main") == {
        "regress acc": "unmeasured", "regress loss": "unmeasured", "exit": "4",
    }  # fmt: skip
    git("clone", "-q", "--depth=1", "--no-single-branch", f"file://{isolated}", "../shallow")
    shallow = Store.open(isolated.parent / "shallow" / "mlruns")
    found = check(shallow, shallow.find("cccc"), Rules({}, {}, {"acc": Tolerance()}, "origin/main"))
    assert found.exit_code == 4
    assert "--unshallow" in found.gates[0].why


def test_the_configuration_says_the_same_and_the_command_line_wins(
    branched: Store, isolated: Path
) -> None:
    (isolated / "pyproject.toml").write_text(
        '[tool.gittrack.check]\nagainst = "main"\nbaseline = "latest"\nmin = {acc = 0.75}\n'
        'max-regress = {"metrics.acc" = "1%"}\n[tool.gittrack.metrics]\nodd = "min"\n'
    )
    rules = read_rules(branched, low=[], high=[], regress=[])
    assert (rules.low, rules.regress) == ({"acc": 0.75}, {"acc": Tolerance(0.01)})
    assert check(branched, branched.find("cccc"), rules).outcome == "passed"
    assert outcomes(branched, "cccc", baseline="best")["exit"] == "1"
    assert outcomes(branched, "cccc", low=["acc=0.795"])["min acc"] == "failed"
    assert outcomes(branched, "cccc", regress=["odd=0"])["regress odd"] == "unmeasured"


@pytest.mark.parametrize(
    "given",
    [
        {}, {"regress": ["acc=1%"]}, {"regress": ["acc=1%"], "low": ["acc=0"]},
        {"low": ["acc"]}, {"low": ["acc=high"]}, {"low": ["acc=nan"]},
        {"against": "main", "regress": ["acc=-1%"]}, {"against": "main", "regress": ["acc=x"]},
        {"against": "main", "baseline": "worst"},
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(store: Store, given) -> None:
    with pytest.raises(UsageError):
        read_rules(store, **{"low": [], "high": [], "regress": [], **given})


def test_a_wrong_configuration_is_refused(store: Store, isolated: Path) -> None:
    for text in ("[check]\nmim = {}\n", "[check]\nmin = 3\n", '[check]\nmin = {a = "x"}\n'):
        (isolated / "gittrack.toml").write_text(text)
        with pytest.raises(UsageError):
            read_rules(store, low=[], high=[], regress=[])


@given(st.lists(st.sampled_from(["passed", "failed", "unmeasured"])))
def test_a_failure_outweighs_what_is_not_measured_and_that_a_pass(each) -> None:
    found = Checked(None, tuple(Gate("x", "min", outcome) for outcome in each))  # type: ignore[arg-type]
    worst = 1 if "failed" in each else 4 if "unmeasured" in each else 0
    assert found.exit_code == worst


def test_a_key_that_is_not_known_is_refused_with_the_nearest(store: Store) -> None:
    Path("gittrack.toml").write_text('[check]\nmax_regress = {acc = "1%"}\n')
    with pytest.raises(UsageError, match="max_regress") as raised:
        read_rules(store, low=[], high=[], regress=[])
    assert raised.value.hint == "did you mean 'max-regress'?"


def test_a_metric_that_the_latest_run_there_has_is_not_lost_unseen(branched: Store) -> None:
    write_run(branched, "less", metrics={"acc": 0.9, "odd": 1}, start_time=START + 5000)
    assert outcomes(branched, "less", against="main") == {
        "regress acc": "passed", "regress loss": "unmeasured", "exit": "4",
    }  # fmt: skip


def test_a_run_there_that_cannot_be_read_may_have_been_the_best(branched: Store) -> None:
    git("checkout", "-q", "main")
    (branched.find("aaaa").folder / "run.json").write_text("<<<<<<< HEAD\n")
    git("commit", "-q", "-a", "-m", "broken")
    git("checkout", "-q", "-b", "later")
    write_run(branched, "next", metrics={"acc": 0.99}, start_time=START + 5000)
    rules = read_rules(branched, low=[], high=[], regress=["acc=1%"], against="main")
    found = check(branched, branched.find("next"), rules)
    assert found.exit_code == 4
    assert "cannot be read" in found.gates[0].why
