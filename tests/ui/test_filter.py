"""The filter of exported pages, held against the one of the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gittrack.errors import FilterError
from gittrack.runs.store import Store
from gittrack.search import matcher, parse_filter
from gittrack.ui import data
from gittrack.ui.source import LiveRuns
from tests.making import write_run
from tests.ui import gallery
from tests.ui.conftest import SECONDS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs("program:chromium", "module:playwright"),
    pytest.mark.xdist_group("browser"),
]

STATIC = Path(data.__file__).parent / "static"

FILTERS = """
metrics.loss < 0.3
metrics.loss < 0.3 and
metrics.loss != 0.2 or params.alpha >= 1
not (metrics.loss < 0.3) and not params.fold is null
params.alpha = '0.5'
params.alpha = 0.50
params.alpha = '0.50'
params.alpha != 1
params.alpha in (1, 'x', 0.1)
params.alpha not in ('1.0', '0.1')
params.solver = "saga"
params.solver in ('saga')
params.solver like 's%a'
params.solver ilike 'SAG_'
params.solver not like 's%'
params.mixed < 5
params.mixed != 5
params.mixed is null
params.mixed is not null
params.whole = '1.0'
params.whole = '1'
params.flag = 'True'
params.none = 'None'
params.none is not null
parameters.seed = 1
param.seed < 1e3
tags.team = 'a'
tag.team != 'a'
tags.`a b` = 'c'
tags."a b" = 'c'
tags.'it''s' is null
tags.mlflow.runName = 'brave-otter'
tags.mlflow.source.name like 'python%'
tags.mlflow.user is null
status = 'finished'
attributes.status = 'FINISHED'
run.status != 'RUNNING'
attr.run_id = 'best000000'
run_id in ('best000000', 'wine000000')
name like '%otter'
`run name` = 'brave-otter'
experiment = 'wine'
experiment_id = 'wine'
start_time > 1795411510252
start_time > '2026-11-23' and start_time < '2026-11-24'
start_time >= '2026-11-23T05:25:10+00:00'
created < '2026-11-23 23:59:59'
end_time is not null
parent = 'best000000'
commit like '5e0c%'
branch = 'main'
user = 'Ana'
dataset.name = 'wine.csv'
datasets.context in ('training', 'x')
dataset.digest is null
metrics.nan > 0
metrics.nan != 0
metrics.inf > 1e300
metrics.`nan` is not null
METRICS.loss < 0.3 AND Params.alpha > 0
((metrics.loss < 0.3))
params.text like '%.*%'
params.text like '%(x)\\%'
params.text = 'a.*b (x)\\'
params.emoji like '_'
metrics.nobody > 1
metrics.loss <
metrics.loss < 'a'
metrics.loss like 'a'
metrics < 1
params.solver < 'a'
params.alpha > '1'
tags.team > 'a'
tags.team = a
team = 'a'
metricks.loss < 1
dataset.size = '1'
metrics.loss < 0.3 or
metrics.loss < 0.3 metrics.loss > 1
(metrics.loss < 0.3
metrics.loss < 0.3)
params.solver = 'saga
params.solver in saga
params.solver in ()
params.solver is 1
not
start_time > 'yesterday'
= 1
metrics. loss < 1
a ! b
""".strip().splitlines()


@pytest.fixture
def runs(store: Store) -> LiveRuns:
    gallery.fill(store)
    write_run(
        store,
        "special000",
        params={
            "mixed": "five",
            "whole": 1.0,
            "flag": True,
            "none": None,
            "emoji": "🦦",
            "text": "a.*b (x)\\",
        },
        metrics={"nan": float("nan"), "inf": float("inf"), "loss": 0.3},
        tags={"a b": "c", "mlflow.user": "set"},
    )
    write_run(store, "special001", params={"mixed": 5, "whole": 1}, status="RUNNING", end_time=None)
    return LiveRuns(store)


def expected(text: str, runs: LiveRuns) -> Any:
    try:
        fits = matcher(parse_filter(text))
    except FilterError:
        return "wrong"
    return sorted(run.run_id for run in runs.all() if fits(run))


def test_both_find_the_same(runs: LiveRuns, browser: Any):
    page = browser.new_page(timezone_id="UTC")
    page.set_default_timeout(SECONDS * 1000)
    page.set_content("<!doctype html><html data-root=''><body></body></html>")
    for script in ("base.js", "rows.js", "filter.js"):
        page.add_script_tag(content=(STATIC / script).read_text())
    page.evaluate(f"window.r = new Rows(); r.merge({json.dumps(data.runs(runs, system=True))})")
    asked = (
        "text => { const got = gittrack.filter(text, r);"
        " return got.error ? 'wrong' : got.ids.sort(); }"
    )
    differ = {}
    for text in FILTERS:
        if (got := page.evaluate(asked, text)) != (wanted := expected(text, runs)):
            differ[text] = (got, wanted)
    page.close()
    assert differ == {}
