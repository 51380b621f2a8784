"""`gittrack report`: runs as Markdown for a pull request, or as one page of HTML with charts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from gittrack import search, svg
from gittrack.compare.branches import best_of
from gittrack.compare.changes import ABSENT, MetricChange
from gittrack.compare.directions import configured, direction_of
from gittrack.compare.many import compare_many
from gittrack.compare.sparklines import course
from gittrack.git import objects
from gittrack.markdown import inert
from gittrack.runs import revisions
from gittrack.runs.record import FINISHED
from gittrack.runs.store import Listing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gittrack.files import Problem
    from gittrack.runs.reading import StoredRun
    from gittrack.runs.store import Store

LATEST = 20

_MOST_METRICS = 12
_MOST_CHARTS = 24
_CELL = 120
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto}
body{padding:0 1rem;color:#1a1a1a}
table{border-collapse:collapse;display:block;overflow-x:auto;margin:.5rem 0 1.5rem}
th,td{border:1px solid #ccc;padding:.25rem .6rem;text-align:left}th{background:#f3f3f3}
svg{margin:.5rem;max-width:100%;height:auto;border:1px solid #ddd}
"""


class Chart(NamedTuple):
    """The course of a metric in several runs, as SVG."""

    metric: str
    image: str


class Section(NamedTuple):
    """A part of a report that is shown whole or not at all."""

    title: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    charts: tuple[Chart, ...] = ()


@dataclass(frozen=True)
class Report:
    """A title, one line about it, and sections in the order of their weight."""

    title: str
    about: str
    sections: tuple[Section, ...]
    problems: tuple[Problem, ...] = ()


def make(store: Store, references: Sequence[str] = (), *, base: str = "") -> Report:
    """Return the report of some runs.

    Args:
        references: the runs; by default those that `base` lacks, else the latest.
        base: the revision to compare with, where this branch left it.

    Raises:
        NotFoundError: there is no such run or revision, or the two have nothing in common.
    """
    known: list[StoredRun] = []
    problems: list[Problem] = []
    about = ""
    if base:
        listing, commit = _runs_at(store, base)
        known, problems = listing.runs, listing.problems
        about = f"Compared with the best runs of {base} where this branch left it ({commit[:10]})."
    if references:
        runs = [search.find_anywhere(store, reference) for reference in references]
    else:
        before = {run.run_id for run in known}
        here = store.runs()
        runs = [run for run in here.runs if run.run_id not in before][:LATEST]
        problems = [*problems, *here.problems]
    sections = [_summary(runs, known, store), _courses(runs), *_differences(runs), _origins(runs)]
    count = f"{len(runs)} run{'s' * (len(runs) != 1)}"
    shown = tuple(section for section in sections if section.rows or section.charts)
    if problems:
        about = f"{about} Not all could be read, as gittrack fsck tells.".strip()
    return Report(f"gittrack: {count}", about, shown, tuple(problems))


def _runs_at(store: Store, base: str) -> tuple[Listing, str]:
    repository = objects.repository(store.root)
    commit = objects.commit_of(base, cwd=repository.folder)
    commit = objects.merge_base(commit, cwd=repository.folder)
    if (
        objects.subtree(commit, revisions.prefix_of(store, repository.top), cwd=repository.folder)
        is None
    ):
        return Listing([], []), commit  # a first run in the history is compared with nothing
    return revisions.at(store, commit).runs(), commit


def _metrics(runs: Sequence[StoredRun]) -> list[str]:
    """Return the metrics to show, those that most runs have first."""
    counts: dict[str, int] = {}
    for run in runs:
        for name in run.record.metrics:
            counts[name] = counts.get(name, 0) + 1
    return sorted(counts, key=lambda name: (-counts[name], name))


def _summary(runs: Sequence[StoredRun], known: Sequence[StoredRun], store: Store) -> Section:
    names, directions = _metrics(runs)[:_MOST_METRICS], configured(store.root)

    def cell(run: StoredRun, name: str) -> str:
        summary = run.record.metrics.get(name)
        if summary is None:
            return ""
        direction = direction_of(name, directions)
        peers = [other for other in known if other.experiment_id == run.experiment_id]
        peers = [other for other in peers if other.record.status == FINISHED]
        best = best_of(peers, name, direction) if direction else None
        text = f"{summary.last:.5g}"
        if best is None:
            return text
        change = MetricChange(name, best.record.metrics[name].last, summary.last, direction)
        by = (
            f"{change.relative:+.2%}"
            if change.relative is not None
            else f"{change.change or 0:+.3g}"
        )
        return f"{text} ({by} {({True: 'better', False: 'worse', None: 'same'})[change.better]})"

    rows = tuple(
        (run.record.name, run.run_id, run.state(), *(cell(run, name) for name in names))
        for run in runs
    )
    return Section("Results", ("run", "id", "state", *names), rows)


def _courses(runs: Sequence[StoredRun]) -> Section:
    names = [
        name
        for name in _metrics(runs)
        if any(run.record.metrics[name].count > 1 for run in runs if name in run.record.metrics)
    ][:_MOST_CHARTS]
    rows = tuple((run.record.name, *(course(run, name) for name in names)) for run in runs)
    charts = []
    for name in names:
        lines = {
            f"{run.record.name} ({run.run_id})": [
                (point.step, point.value) for point in run.history(name)
            ]
            for run in runs
        }
        charts.append(Chart(name, svg.chart(name, lines)))
    return Section("Courses", ("run", *names), rows if names else (), tuple(charts))


def _differences(runs: Sequence[StoredRun]) -> list[Section]:
    if len(runs) == 1:
        params = runs[0].record.params
        rows = tuple((name, str(params[name])) for name in sorted(params))
        return [Section("Params", ("param", "value"), rows)]
    found = compare_many(runs, parts=("params", "environment"))
    return [
        Section(
            title,
            ("", *(run.record.name for run in runs)),
            tuple(
                (row.name, *("" if value is ABSENT else str(value) for value in row.values))
                for row in found.rows
                if row.part == part
            ),
        )
        for part, title in (("params", "Params"), ("environment", "Environment"))
    ]


def _origins(runs: Sequence[StoredRun]) -> Section:
    rows = []
    for run in runs:
        git = run.record.source.get("git")
        commit = str(git.get("commit", ""))[:10] if isinstance(git, dict) else ""
        changed = " with changes" if isinstance(git, dict) and git.get("dirty") else ""
        command = str(run.record.source.get("command") or "")
        rows.append((run.record.name, f"{commit}{changed}", command, run.note))
    return Section("Where they come from", ("run", "commit", "command", "note"), tuple(rows))


def markdown(report: Report, *, limit: int = 0, images: dict[str, str] | None = None) -> str:
    """Return a report as Markdown that GitHub and GitLab render.

    Args:
        limit: most bytes; what does not fit is left out by whole sections. 0 is no limit.
        images: where the charts of metrics lie, for links.
    """
    head = "\n\n".join(filter(None, (f"## {_md(report.title)}", _md(report.about))))
    parts, left_out = [head], [section.title for section in report.sections]
    for section in report.sections:
        text = _md_section(section, images or {})
        tried = [*parts, text, *filter(None, [_left_out(left_out[1:])])]
        if limit and len("\n\n".join(tried).encode()) + 1 > limit:
            break
        parts.append(text)
        left_out.pop(0)
    return "\n\n".join(filter(None, [*parts, _left_out(left_out)])) + "\n"


def _left_out(titles: Sequence[str]) -> str:
    return f"*Left out, since there is no room: {', '.join(titles)}.*" if titles else ""


def _md_section(section: Section, images: dict[str, str]) -> str:
    lines = [f"### {section.title}", ""]
    if section.rows:
        lines += [_md_row(section.columns), _md_row(("---",) * len(section.columns), plain=True)]
        lines += [_md_row(row) for row in section.rows]
    shown = [chart for chart in section.charts if chart.metric in images]
    links = [f"![{_md(chart.metric)}](<{images[chart.metric]}>)" for chart in shown]
    return "\n".join([*lines, *(["", *links] if links else [])])


def _md_row(cells: Sequence[str], *, plain: bool = False) -> str:
    return f"| {' | '.join(cell if plain else _md(cell) for cell in cells)} |"


def _md(text: str) -> str:
    """Return text as Markdown that shows it, on one line, and calls nobody by an @."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    line = line if len(line) <= _CELL else f"{line[: _CELL - 1]}…"
    return inert(line)


def html(report: Report) -> str:
    """Return a report as one page that loads nothing and runs no script."""
    parts = [f"<h1>{svg.escaped(report.title)}</h1>", f"<p>{svg.escaped(report.about)}</p>"]
    for section in report.sections:
        parts.append(f"<h2>{svg.escaped(section.title)}</h2>")
        if section.charts:
            parts += [chart.image for chart in section.charts]
        elif section.rows:
            parts += [_html_table(section)]
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{svg.escaped(report.title)}</title><style>{_STYLE}</style></head><body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _html_table(section: Section) -> str:
    head = "".join(f"<th>{svg.escaped(name)}</th>" for name in section.columns)
    rows = "".join(
        f"<tr>{''.join(f'<td>{svg.escaped(cell)}</td>' for cell in row)}</tr>"
        for row in section.rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
