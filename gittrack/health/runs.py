"""Checking one run's folder."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gittrack import files, paths, schema
from gittrack.errors import NewerFormatError
from gittrack.files import Problem
from gittrack.health import linefiles, secretfiles
from gittrack.runs import edits, live
from gittrack.runs.reading import is_being_made, is_running
from gittrack.runs.record import RUNNING, from_json
from gittrack.runs.values import to_json

if TYPE_CHECKING:
    from gittrack.health.finding import Report
    from gittrack.runs.record import RunRecord

SYSTEM_FILE = re.compile(r"system(\.[0-9a-z-]+)*\.jsonl")
_ORDINARY = {
    paths.SOURCE_PATCH,
    paths.REQUIREMENTS,
    paths.OUTPUT_LOG,
    paths.RUN_JSON,
}
_PARTS = ("parent", "source", "inputs")
_STATES = {
    "silent": "another machine has run it, and shows no sign of life",
    "elsewhere": "it says that it is running, and no process of this clone holds it",
}


class RunCheck:
    """The check of one run's folder."""

    def __init__(self, folder: Path, root: Path, report: Report) -> None:
        self.folder = folder
        self.root = root
        self.report = report
        self.run_id = folder.name[16:]
        self._sizes: dict[str, int] = {}

    def run(self) -> None:
        """Check all of it but digests of models."""
        try:
            with os.scandir(self.folder) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
        except OSError as error:
            self.report.add("broken file", self.folder, error.strerror or str(error))
            return
        self.report.runs += 1
        record = self._record()
        is_live = record is not None and record.status == RUNNING and self._state(record)
        for entry in entries:
            self._entry(entry, is_live=bool(is_live))
        if record is not None and not is_live:
            self._summary(record)
        self.report.add_all(
            "broken file", edits.read(self.folder, [entry.name for entry in entries]).problems
        )

    def _entry(self, entry: os.DirEntry[str], *, is_live: bool) -> None:
        path, name = Path(entry.path), entry.name
        try:
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISLNK(mode):
                secretfiles.check_link(path, self.root, self.report)
            elif name.endswith(paths.TEMPORARY):
                secretfiles.check_leftover(path, self.report)
            elif name == paths.ARTIFACTS and stat.S_ISDIR(mode):
                secretfiles.check_folder(path, self.root, self.report, merged=True)
            elif not stat.S_ISREG(mode):
                self.report.add("extra file", path, "does not belong to a run")
            else:
                self._file(path, is_live=is_live)
        except OSError as error:
            self.report.add("broken file", path, error.strerror or str(error))

    def _file(self, path: Path, *, is_live: bool) -> None:
        name = path.name
        self.report.files += 1
        if paths.is_line_file(name) or SYSTEM_FILE.fullmatch(name):
            if not is_live:
                linefiles.check(path, self.report)
            if paths.is_line_file(name):
                self._sizes[name] = path.lstat().st_size
        elif name not in _ORDINARY and not paths.is_edit(name):
            self.report.add("extra file", path, "does not belong to a run")
        secretfiles.check_file(path, self.report)

    def _record(self) -> RunRecord | None:
        path = self.folder / paths.RUN_JSON
        try:
            entry = files.read_json(path)
            record = from_json(entry)
        except FileNotFoundError:
            if not is_being_made(self.folder):
                self.report.add(
                    "missing file",
                    path,
                    "is missing",
                    hint="git checkout brings it back, if it was there",
                )
            return None
        except NewerFormatError as error:
            self.report.add("schema", path, error.message, hint=error.hint)
            return None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            hint = f"git log -- {path} shows its earlier states"
            if "conflict markers" in str(error):
                hint = "gittrack fsck --repair makes one record of both"
            self.report.add_all("broken file", [Problem(path, reason or str(error), hint=hint)])
            return None
        self.report.add_all("schema", [Problem(path, message) for message in _wrong(entry)])
        if record.run_id != self.run_id:
            self.report.add("schema", path, f"says run {record.run_id}, its folder {self.run_id}")
        self._patch(record)
        return record

    def _state(self, record: RunRecord) -> bool:
        """Tell whether the run is running now, and report where it is not."""
        state = live.state(self.root, record.run_id)
        if state != "running" and not is_running(self.folder):  # it has ended since it was read
            return False
        if state == "interrupted":
            self.report.add(
                "interrupted",
                self.folder,
                "its process ended without ending it",
                hint="gittrack fsck --repair ends it as KILLED",
            )
        elif state != "running":
            self.report.add(
                "not ended",
                self.folder,
                _STATES[state],
                hint=f"if it is not: gittrack fsck --repair --force {record.run_id}",
            )
        return state == "running"

    def _summary(self, record: RunRecord) -> None:
        missing = sorted(set(record.files) - set(self._sizes))
        for name in missing:
            self.report.add(
                "missing file",
                self.folder / name,
                f"is missing, {paths.RUN_JSON} was made from it",
                hint=f"git checkout -- {self.folder / name}, if it was there",
            )
        if not missing and self._sizes != dict(record.files) and record.status != RUNNING:
            self.report.add(
                "stale summary",
                self.folder / paths.RUN_JSON,
                "does not tell what the line files do",
                hint="gittrack fsck --repair writes it anew",
            )

    def _patch(self, record: RunRecord) -> None:
        git = record.source.get("git")
        digest = git.get("patch_sha256") if isinstance(git, dict) else None
        path = self.folder / paths.SOURCE_PATCH
        if not isinstance(digest, str) or (git or {}).get("patch_truncated"):
            return
        try:
            if hashlib.sha256(files.read_bytes(path)).hexdigest() != digest:
                self.report.add("digest", path, "is not the patch that was recorded")
        except FileNotFoundError:
            if record.status != RUNNING:
                self.report.add("missing file", path, "is missing, the record has its digest")
        except OSError as error:
            self.report.add("broken file", path, error.strerror or str(error))


def _wrong(entry: dict[str, Any]) -> list[str]:
    """Return what is wrong with a record by its schema, for which it has been read already.

    Where what reading takes as it comes is plain, only what came from elsewhere can be wrong.
    """
    texts = [*entry.get("tags", {}).values(), *entry.get("left_out", ())]
    counts = [one.get("count", 0) - 1 for one in entry.get("metrics", {}).values()]
    counts += entry.get("files", {}).values()
    is_plain = all(type(text) is str for text in texts) and all(
        type(count) is int and count >= 0 for count in counts
    )
    if not is_plain or any(
        entry.get(key, True) in ({}, []) for key in ("params", "metrics", "tags")
    ):
        return schema.check("run", entry)
    return list(_wrong_parts(to_json({key: entry[key] for key in _PARTS if key in entry})))


@lru_cache(maxsize=1000)
def _wrong_parts(parts: str) -> tuple[str, ...]:
    return tuple(schema.check("run", json.loads(parts), only=True))
