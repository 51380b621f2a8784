"""What MLflow 3.17 finds, gittrack finds in the same runs: hundreds of searches, run on both."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gittrack import search
from gittrack.errors import FilterError
from tests import parts
from tests.making import START, write_run

if TYPE_CHECKING:
    from gittrack.runs.store import Store

ORACLE = Path(__file__).parent / "mlflow_oracle.py"
PYTHON = parts.environment("mlflow-3.17")
SEED = 5
TEXTS = (
    "a",
    "A",
    "a.b",
    "x y",
    "",
    "日本",
    "0.1",
    "0.10",
    "1",
    "saga",
    "SAGA",
    "a%b",
    "None",
    "x_y",
)
KEYS = {
    "metrics": ("acc", "`val acc`", '"loss/x"', "`a-b`", "nothing"),
    "params": ("lr", "solver", "`p/q`", '"a b"', "nothing"),
    "tags": ("team", "mlflow.runName", "`a b`", '"a-b"', "nothing"),
}
ALIASES = {
    "metrics": ("metrics", "metric"),
    "params": ("params", "param", "parameter", "parameters"),
    "tags": ("tags", "tag"),
}

# What the two read alike, beside what is made up below.
FILTERS = [
    "",
    "metrics.acc = 0.5 AND",
    "metrics.acc = .5",
    "metrics.acc >= 5e-1",
    "params.lr='0.1'and metrics.acc>0",
    "metrics.acc > 0.2 AnD metrics.acc<2",
    "attributes.status = 'FINISHED'",
    "attr.status != 'RUNNING'",
    "run.status = 'FAILED'",
    "status ilike 'f%'",
    "run_name = 'run-3'",
    "attributes.run_name like 'run-1%'",
    "`Run name` = 'run-3'",
    "\"Run name\" = 'run-3'",
    "attributes.`run name` = 'run-3'",
    "user_id = 'Ana'",
    f"Created > {START + 3000}",
    f"start_time >= {START + 3000}",
    f"end_time < {START + 100_005}",
    "end_time != 1",
    "artifact_uri like 'file:%artifacts'",
    "run_id != 'x'",
    "run_id not in ('a', 'b')",
    "attributes.run_id IN ('a',)",
    "dataset.name = 'x'",
    "datasets.digest != 'x'",
    "dataset.context in ('a')",
]
# What both refuse.
REFUSED = [
    "metrics.acc = 'x'",
    "metrics.acc like 'x'",
    "metrics.acc between 0 and 1",
    "params.lr > '0.1'",
    "params.lr is nul",
    "params.lr = `0.1`",
    "tags.team = a",
    "foo.bar = 'x'",
    "acc > 1",
    "status > 'A'",
    "dataset.size = 'x'",
    "metrics.acc > 0.2, metrics.acc < 1",
]
# `params` in both spellings of a number are left out: MLflow orders them as text.
ORDERS = [
    ["metrics.acc"],
    ["metrics.acc ASC"],
    ["metrics.acc desc"],
    ["metrics.`val acc` DESC", "tags.team"],
    ["params.solver"],
    ["params.solver DESC", "metrics.acc"],
    ["tags.team desc", "attributes.start_time"],
    ["start_time asc"],
    ["attribute.end_time desc"],
    ["attributes.Created"],
    ["run_name desc"],
    ["status", "run_id desc"],
    ["user_id"],
    ["metrics.nothing"],
]


def made_runs(chance: random.Random) -> list[dict[str, Any]]:
    def some(names: tuple[str, ...], values: tuple[Any, ...]) -> dict[str, Any]:
        return {name: chance.choice(values) for name in chance.sample(names, 3)}

    return [
        {
            "name": f"run-{number}",
            "user": chance.choice(["Ana", "bob", "a'b"]),
            "start_time": START + number // 2 * 1000,
            "end_time": START + 100_000 + number,
            "status": chance.choice(["FINISHED", "FAILED", "RUNNING", "KILLED"]),
            "tags": some(("team", "a b", "a-b", "other"), TEXTS),
            "params": {
                **some(("lr", "p/q", "a b", "other"), TEXTS),
                "solver": chance.choice(["saga", "SAGA", "a.b", ""]),
            },
            "metrics": some(
                ("acc", "val acc", "loss/x", "a-b"), (0.0, 0.5, 1.0, -1.0, "nan", "inf", 1e-5)
            ),
        }
        for number in range(24)
    ]


def made_filter(chance: random.Random) -> str:
    return " and ".join(made_clause(chance) for _ in range(chance.choice([1, 1, 2, 3])))


def made_clause(chance: random.Random) -> str:
    kind = chance.choice(list(KEYS))
    key = f"{chance.choice(ALIASES[kind])}.{chance.choice(KEYS[kind])}"
    if kind == "metrics":
        operator = chance.choice([">", ">=", "=", "!=", "<", "<="])
        return f"{key} {operator} {chance.choice(['0', '0.5', '1', '-1', '1e-5', '.5', '-1e1'])}"
    if chance.random() < 0.2:
        return f"{key} {chance.choice(['is null', 'IS NOT NULL'])}"
    operator = chance.choice(["=", "!=", "like", "LIKE", "ilike", "ILIKE"])
    text = chance.choice([*TEXTS, "%", "a%", "%A%", "_", "r_n-1%", "x%y", "RUN-%"])
    quote = chance.choice("'\"")
    return f"{key} {operator} {quote}{text}{quote}"


@pytest.fixture
def both(store: Store) -> Any:
    """The function that asks both, and returns what they say: lists of run ids, or a refusal."""
    runs = made_runs(random.Random(SEED))

    def ask(questions: list[dict[str, Any]]) -> list[tuple[dict[str, Any], Any, Any]]:
        done = subprocess.run(
            [PYTHON, ORACLE],
            input=json.dumps({"runs": runs, "questions": questions}),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        for run_id, run in zip(told["ids"], runs, strict=True):
            metrics = {name: float(value) for name, value in run["metrics"].items()}
            end = None if run["status"] == "RUNNING" else run["end_time"]
            write_run(store, run_id, **{**run, "metrics": metrics, "end_time": end})
        ours = [answer(store, question) for question in questions]
        return list(zip(questions, ours, told["answers"], strict=True))

    return ask


def answer(store: Store, question: dict[str, Any]) -> list[str] | str:
    try:
        found = search.runs(store, filter_string=question["filter"], order_by=question["order_by"])
    except FilterError as error:
        return str(error)
    return [run.run_id for run in found.runs]


@pytest.mark.slow
@pytest.mark.needs("env:mlflow-3.17")
def test_searches_find_what_mlflow_finds_in_its_order(both: Any) -> None:
    chance = random.Random(SEED)
    filters = [*FILTERS, *(made_filter(chance) for _ in range(500))]
    questions = [{"filter": text, "order_by": []} for text in filters]
    questions += [{"filter": "", "order_by": order} for order in ORDERS]
    answered = both([*questions, *({"filter": text, "order_by": []} for text in REFUSED)])
    for question, ours, theirs in answered[: len(questions)]:
        assert ours == theirs, question
    sizes = {len(ours) for _, ours, _ in answered[: len(questions)]}
    assert len(sizes) > 10, "the searches tell too little"
    for question, ours, theirs in answered[len(questions) :]:
        assert isinstance(ours, str), question
        assert isinstance(theirs, str), question
