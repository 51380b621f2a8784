"""Pushing a branch that others push to as well: fetch, put ours upon theirs, try again.

Our commits that only add or change files which theirs left alone are made anew on top of theirs;
with any other commit among them the two are merged. Neither needs the work tree. The checked-out
branch follows where no change of the user's is in the way.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from gittrack import paths
from gittrack.errors import NotFoundError, ToolError
from gittrack.git.command import run_git, run_git_bytes
from gittrack.git.committing import (
    Entry,
    Head,
    commit_tree,
    diff_entries,
    head,
    is_held,
    move,
    pauses,
    rewritten,
)

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE_SECONDS = 300.0
_OURS = "Gittrack-"
_REFUSED = re.compile(
    r"non-fast-forward|fetch first|cannot lock ref|failed to update ref|incorrect old value"
    r"|reference already exists|\.lock'|stale info"
)
_MERGE_TREE = (2, 38)


class Pushed(NamedTuple):
    """Where a branch was pushed to, as which commit, and whether the local one is there too."""

    remote: str
    branch: str
    commit: str
    followed: bool


class _Target(NamedTuple):
    """The remote branch that a local one belongs to, and whether Git knows that already."""

    remote: str
    ref: str
    known: bool


def push(*, top: Path) -> Pushed:
    """Push the checked-out branch to its remote one, as often as others are faster.

    The user's `pre-push` hook runs, since LFS uploads its files in it.

    Raises:
        NotFoundError: there is no remote.
        ToolError: the two branches cannot be brought together, or the remote refuses.
    """
    why = ""
    for number in pauses(PATIENCE_SECONDS):
        now = head(top)
        target = _target(now, top)
        if now.commit is None:
            raise ToolError(f"{now.branch} has no commit to push", hint="gittrack commit first")
        wanted = _upon_theirs(now.commit, target, top) if number else now.commit
        why = _push(wanted, target, top)
        if why:
            continue
        followed = wanted == now.commit or _follow(now, wanted, top)
        if followed is None:  # somebody committed here meanwhile, which is to be pushed as well
            continue
        return Pushed(target.remote, target.ref.removeprefix("refs/heads/"), wanted, followed)
    raise ToolError(
        f"others were faster for {PATIENCE_SECONDS:g} s: {why}",
        hint="the commit is made; git push when it is quieter",
    )


def _target(now: Head, top: Path) -> _Target:
    key = f"branch.{now.branch}."
    remote = _config(f"{key}remote", top)
    ref = _config(f"{key}merge", top)
    if remote and ref:
        return _Target(remote, ref, known=True)
    remotes = run_git(["remote"], cwd=top).split()
    if not remotes:
        raise NotFoundError(
            f"{top} has no remote to push to", hint="git remote add origin URL; the commit is made"
        )
    return _Target("origin" if "origin" in remotes else remotes[0], now.ref, known=False)


def _config(key: str, top: Path) -> str:
    return run_git(["config", "--get", key], cwd=top, check=False).strip()


def _push(commit: str, target: _Target, top: Path) -> str:
    """Push, and return why it was refused where another try may succeed; "" where it was not."""
    try:
        run_git(["push", "-q", target.remote, f"{commit}:{target.ref}"], cwd=top)
    except ToolError as error:
        if _REFUSED.search(error.message):
            return error.message.splitlines()[0]
        raise ToolError(error.message, hint="the commit is made; git push tries again") from None
    if not target.known:  # as `git push -u` does
        name = target.ref.removeprefix("refs/heads/")
        for key, value in (("remote", target.remote), ("merge", target.ref)):
            run_git(["config", f"branch.{name}.{key}", value], cwd=top, check=False)
    return ""


def _upon_theirs(ours: str, target: _Target, top: Path) -> str:
    """Fetch the remote branch, and return a commit that holds ours and follows theirs."""
    # A reference of our own: another process may fetch at the same time.
    kept = f"refs/gittrack/{paths.random_text(12)}"
    run_git(["fetch", "-q", "--no-tags", target.remote, f"+{target.ref}:{kept}"], cwd=top)
    theirs = run_git(["rev-parse", kept], cwd=top).strip()
    try:
        return _joined(ours, theirs, top)
    finally:
        run_git(["update-ref", "-d", kept], cwd=top, check=False)


def _is_ancestor(old: str, new: str, top: Path) -> bool:
    return run_git(["merge-base", old, new], cwd=top, check=False).strip() == old


def _joined(ours: str, theirs: str, top: Path) -> str:
    if _is_ancestor(theirs, ours, top):
        return ours
    listed = run_git(["rev-list", "--reverse", "--topo-order", ours, f"^{theirs}"], cwd=top)
    on_top = theirs
    for commit in listed.split():
        again = _again(commit, on_top, top)
        if again is None:
            return _merged(ours, theirs, top)
        on_top = again
    return on_top


def _again(commit: str, base: str, top: Path) -> str | None:
    """Make a commit of gittrack's anew on top of another; None where that is not safe."""
    raw = run_git(["cat-file", "commit", commit], cwd=top)
    headers, _, message = raw.partition("\n\n")
    parents = [line[7:] for line in headers.splitlines() if line.startswith("parent ")]
    if len(parents) != 1 or f"\n{_OURS}" not in message:
        return None
    theirs = {entry.path: entry for entry in _changes(parents[0], base, top)}
    changes = [
        entry for entry in _changes(parents[0], commit, top) if theirs.get(entry.path) != entry
    ]
    if any(entry.path in theirs for entry in changes):
        return None
    if not changes:  # it was pushed before, from another place
        return base
    author = next(line[7:] for line in headers.splitlines() if line.startswith("author "))
    name, _, rest = author.rpartition(" <")
    email, _, date = rest.partition("> ")
    env = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email, "GIT_AUTHOR_DATE": date}
    return commit_tree(rewritten(base, changes, top=top), [base], message, top=top, env=env)


def _changes(old: str, new: str, top: Path) -> list[Entry]:
    return diff_entries(run_git_bytes(["diff-tree", "-r", "-z", "--no-renames", old, new], cwd=top))


def _merged(ours: str, theirs: str, top: Path) -> str:
    version = run_git(["version"], cwd=top).split()[2].split(".")
    if (int(version[0]), int(version[1])) < _MERGE_TREE:
        raise ToolError(
            "your branch and the remote one have to be merged, which takes Git 2.38 here",
            hint="git pull --no-rebase && git push",
        )
    try:
        tree = run_git(["merge-tree", "--write-tree", ours, theirs], cwd=top).split()[0]
    except ToolError:
        raise ToolError(
            "your branch and the remote one changed the same lines",
            hint="the commit is made; git pull --no-rebase, then gittrack fsck --repair where runs"
            " are in conflict, git add, git commit and git push",
        ) from None
    return commit_tree(tree, [ours, theirs], "Merge the remote branch\n", top=top)


def _follow(now: Head, new: str, top: Path) -> bool | None:
    """Bring branch, index and work tree to a commit.

    False where changes of the user's are in the way, None where the branch was moved meanwhile.
    """
    two_way = ["read-tree", "-m", "-u"]
    if not _while_held([*two_way, "-n", str(now.commit), new], top):
        return False
    if not move(now.ref, new, now.commit, top=top):
        return None
    if not _while_held([*two_way, str(now.commit), new], top):
        raise ToolError(
            f"the push is done and {now.branch} moved, but the work tree could not follow",
            hint=f"when no other Git is at work: git read-tree -m -u {now.commit} {new}",
        )
    return True


def _while_held(args: list[str], top: Path) -> bool:
    """Run Git, again and again while another holds the index; tell whether it did its work."""
    for _ in pauses():
        try:
            run_git(args, cwd=top)
        except ToolError as error:
            if not is_held(error):
                return False
        else:
            return True
    return False
