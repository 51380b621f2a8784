"""`gittrack init`: what makes a repository and this clone of it fit for runs; and back again.

Everything in the store works without it. It adds what is a matter of taste, into the repository's
root, and what belongs to one clone, into its own configuration.
"""

from __future__ import annotations

import shlex
import sys
from contextlib import suppress
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

from gittrack import files, paths
from gittrack.compare.sparklines import sparkline
from gittrack.errors import ToolError
from gittrack.git import objects
from gittrack.git.command import run_git
from gittrack.git.state import ignoring_rule
from gittrack.runs import lines, series

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from gittrack.runs.store import Store

_BEGIN, _END = "# gittrack: begin", "# gittrack: end"
_DRIVERS = ("diff.gittrack-run", "diff.gittrack-lines")
_READABLE = ("MLmodel", "requirements.txt", "conda.yaml", "python_env.yaml", "*.json")
_SAMPLES = ("run.json", "metrics.jsonl", "output.log", "artifacts/model/model.pkl", "artifacts/x/y")
_STARTERS = {"github": ".github/workflows/experiments.yml", "gitlab": ".gitlab-ci.yml"}
_LFS_BY_US = "gittrack.lfs"
_PRE_COMMIT = ".pre-commit-config.yaml"
_HOOK = """\
  - repo: local
    hooks:
      - id: gittrack-fsck
        name: the runs are sound
        entry: gittrack fsck
        language: system
        files: (^|/)mlruns/
        pass_filenames: false
"""


class Step(NamedTuple):
    """Something that was done, is as it was, or is left to the user, who gets a hint how."""

    text: str
    hint: str = ""


def set_up(
    store: Store, *, lfs: bool = False, pre_commit: bool = False, starters: Iterable[str] = ()
) -> list[Step]:
    """Set a repository and this clone up, check with Git that it takes effect, and say so.

    Raises:
        ToolError: there is no work tree, or no Git LFS, or a rule has no effect.
        StoreError: a file cannot be written.
    """
    top, inside = _place(store)
    store.prepare()
    steps = [*_configure_drivers(top)]
    if lfs:
        steps.append(_add_lfs(top, inside))
    if pre_commit:
        steps.append(_add_file(top, _PRE_COMMIT, f"repos:\n{_HOOK}", _HOOK))
    for name in starters:
        text = _starter(name)
        steps.append(_add_file(top, _STARTERS[name], text, text))
    if (rule := ignoring_rule(store.root)) is not None:
        file, _, _ = rule.partition(":")
        line = f"!/{inside}/"
        steps.append(
            Step(
                f"Git ignores {inside} by {rule}",
                f"echo {shlex.quote(line)} >> {file or '.gitignore'}",
            )
        )
    else:
        _check(top, inside, lfs=lfs)
    return steps


def take_back(store: Store) -> list[Step]:
    """Undo what `set_up` did, but for what was changed since, which is named; runs stay."""
    top, inside = _place(store)
    for driver in _DRIVERS:
        run_git(["config", "--local", "--remove-section", driver], cwd=top, check=False)
    steps = [Step("the diff drivers are no longer configured")]
    attributes = top / ".gitattributes"
    before = attributes.read_text("utf-8") if attributes.is_file() else ""
    if (rest := _without_block(before)) != before:
        if rest.strip():
            files.write_atomic(attributes, rest.encode())
        else:
            attributes.unlink()
        steps.append(Step(".gitattributes has no rules of gittrack's any more"))
        tracked = run_git(
            ["ls-files", "--", f":(top,glob){inside}/*/*/{paths.ARTIFACTS}/**"], cwd=top
        )
        if tracked:
            steps.append(Step("artifacts are no longer kept in LFS", _renormalize(inside)))
    steps += _take_back_lfs(top)
    steps += _take_back_file(top, _PRE_COMMIT, f"repos:\n{_HOOK}", "gittrack-fsck")
    for host, name in _STARTERS.items():
        steps += _take_back_file(top, name, _starter(host), "gittrack")
    return steps


def _take_back_lfs(top: Path) -> list[Step]:
    if not run_git(["config", "--local", "--get", _LFS_BY_US], cwd=top, check=False):
        return []
    others = ["grep", "-l", "--untracked", "filter=lfs", "--", ":(top,glob)**/.gitattributes"]
    if users := run_git(others, cwd=top, check=False).splitlines():
        return [Step(f"Git LFS stays set up, since {users[0]} has a rule of yours for it")]
    run_git(["lfs", "uninstall", "--local"], cwd=top, check=False)
    run_git(["config", "--local", "--remove-section", _LFS_BY_US.rpartition(".")[0]], cwd=top)
    return [Step("Git LFS is no longer set up in this clone")]


def _take_back_file(top: Path, name: str, text: str, mark: str) -> list[Step]:
    """Remove a file that is as it was added; `mark` tells one that has something of ours still."""
    path = top / name
    found = path.read_text("utf-8", "replace") if path.is_file() else ""
    if found == text:
        path.unlink()
        with suppress(OSError):  # something else is in the folder
            for folder in path.relative_to(top).parents[:-1]:
                (top / folder).rmdir()
        return [Step(f"{name} was removed", f"git add {name}, if it was committed")]
    if mark in found:
        return [Step(f"{name} was changed since, or is yours, and stays: it mentions {mark}")]
    return []


def _starter(host: str) -> str:
    return (resources.files("gittrack") / "starters" / f"{host}.yml").read_text("utf-8")


def _renormalize(inside: str) -> str:
    """Return what puts committed artifacts where the rules say now; they stay in the history."""
    return f"git add --renormalize {shlex.quote(inside)} moves those that are committed"


def summary_of_lines(path: Path) -> str:
    """Return a line a metric of a metrics file, as `git diff` shows it."""
    fold = lines.fold_file(path)
    merged = lines.merge({path.name: fold})
    text = [f"param {name} = {value}" for name, value in sorted(merged.params.items())]
    text += [f"tag {name} = {value}" for name, value in sorted(merged.tags.items())]
    for name, metric in merged.metrics.items():
        course = sparkline([point.value for point in series.history([path], name)])
        extremes = f"min {metric.min}  max {metric.max}  n {metric.count}"
        text.append(f"{name}  last {metric.last} at step {metric.step}  {extremes}  {course}")
    text += [f"broken: line {problem.line}: {problem.message}" for problem in merged.problems]
    return "\n".join(text)


def _place(store: Store) -> tuple[Path, str]:
    top = objects.repository(store.root).top
    if top is None:
        raise ToolError(f"{store.root} is in a bare repository", hint="set up a clone of it")
    return top, store.root.resolve().relative_to(top).as_posix()


def _configure_drivers(top: Path) -> list[Step]:
    # Where this Python is gone, the file is shown as it is.
    code = "from gittrack.cli.starting import textconv; textconv()"
    show = f'{shlex.quote(sys.executable)} -c "{code}"'
    command = f'f() {{ {show} "$1" 2>/dev/null || cat "$1"; }}; f'
    settings = {
        "diff.gittrack-lines.textconv": command,
        "diff.gittrack-lines.cachetextconv": "true",
        "diff.gittrack-run.xfuncname": '^  "(params|metrics|tags|source)": .*$',
    }
    for key, value in settings.items():
        run_git(["config", "--local", key, value], cwd=top)
    return [Step("git diff shows a line a metric in this clone")]


def _add_lfs(top: Path, inside: str) -> Step:
    before = run_git(["config", "--local", "--get", "filter.lfs.process"], cwd=top, check=False)
    try:
        run_git(["lfs", "install", "--local"], cwd=top)
    except ToolError as error:
        if "is not a git command" in error.message:
            raise ToolError("Git LFS is not installed", hint="https://git-lfs.com") from None
        raise ToolError(
            f"Git LFS cannot be set up: {' '.join(error.message.split())}",
            hint="git lfs update --manual says how to keep a hook of yours",
        ) from None
    if not before:
        run_git(["config", "--local", _LFS_BY_US, "true"], cwd=top)
    where = f"/{inside}/*/*/{paths.ARTIFACTS}/**".replace(" ", "[[:space:]]")
    rules = [f"{where} filter=lfs diff=lfs merge=lfs -text"]
    rules += [f"{where}/{name} !filter !diff !merge" for name in _READABLE]
    attributes = top / ".gitattributes"
    before = _without_block(attributes.read_text("utf-8") if attributes.is_file() else "")
    block = "\n".join([_BEGIN, *rules, _END, ""])
    between = "" if not before or before.endswith("\n") else "\n"
    files.write_atomic(attributes, f"{before}{between}{block}".encode())
    hint = "git add .gitattributes"
    stored = [":(top,attr:filter=lfs)" + inside]
    if run_git(["ls-files", "--", *stored], cwd=top):
        hint += f"\n{_renormalize(inside)}"
    return Step("artifacts go to Git LFS, by .gitattributes", hint)


def _without_block(text: str) -> str:
    head, begin, rest = text.partition(f"{_BEGIN}\n")
    _, end, tail = rest.partition(f"{_END}\n")
    return head + tail if begin and end else text


def _add_file(top: Path, name: str, text: str, part: str) -> Step:
    path = top / name
    if path.exists():
        if part in path.read_text("utf-8", "replace"):
            return Step(f"{name} has it already")
        return Step(f"{name} is there already, and left as it is", f"add to it:\n{part}")
    files.make_folder(path.parent)
    files.write_new(path, text.encode())
    return Step(f"{name} was added", f"git add {name}")


def _check(top: Path, inside: str, *, lfs: bool) -> None:
    """Ask Git whether the rules take effect."""
    samples = [f"{inside}/experiment/20260101-000000-a000000000/{name}" for name in _SAMPLES]
    ignored = run_git(["check-ignore", "--no-index", "-v", "--", *samples], cwd=top, check=False)
    left_out = [
        line
        for line in ignored.splitlines()
        if not line.partition("\t")[0].split(":", 2)[2].startswith("!")
    ]
    if left_out:
        rule, _, path = left_out[0].partition("\t")
        raise ToolError(f"Git ignores {path} by {rule}", hint="remove that line")
    wanted = {samples[0]: ("diff", "gittrack-run"), samples[1]: ("diff", "gittrack-lines")}
    if lfs:
        wanted[samples[3]] = ("filter", "lfs")
    for path, (key, value) in wanted.items():
        found = run_git(["check-attr", "-z", key, "--", path], cwd=top).split("\0")[2]
        if found != value:
            raise ToolError(
                f"Git says that {key} of {path} is {found}, not {value}",
                hint="another rule in a .gitattributes or in info/attributes overrules it",
            )
