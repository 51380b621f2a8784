"""A command in a run that was made for it: plain data, so that another process can run it."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gittrack import artifactfiles, containers, files, paths, process, settings
from gittrack.environments.base import Launch
from gittrack.errors import GittrackError
from gittrack.projects.output import OutputLog
from gittrack.projects.wrapping import Scraper
from gittrack.runs.record import FAILED, FINISHED, KILLED

if TYPE_CHECKING:
    from gittrack.process import Outcome
    from gittrack.runs.writer import RunWriter


@dataclass(frozen=True)
class Job:
    """A process to run in a run.

    Attributes:
        store: the folder of the runs.
        scrape: see `Order`.
        artifacts: see `Order`.
        scratch: a folder that goes when the job has ended.
    """

    store: str
    run_id: str
    launch: Launch
    scrape: bool = False
    artifacts: tuple[str, ...] = ()
    scratch: str | None = None

    def write(self) -> Path:
        """Write the job where another process finds it, and return that file."""
        path = job_file(Path(self.store), self.run_id)
        files.make_folder(path.parent)
        entry = asdict(self)
        entry["launch"]["cwd"] = str(self.launch.cwd)
        files.write_atomic(path, json.dumps(entry).encode())
        return path

    @classmethod
    def read(cls, path: Path) -> Job:
        """Read a job that was written."""
        entry = json.loads(path.read_bytes())
        given = entry.pop("launch")
        launch = Launch(
            command=tuple(given["command"]),
            cwd=Path(given["cwd"]),
            variables=given["variables"],
            without=tuple(given["without"]),
            container=given["container"],
        )
        return cls(**{**entry, "launch": launch, "artifacts": tuple(entry["artifacts"])})


@dataclass(frozen=True)
class End:
    """How a job ended; `problems` are what could not be kept of it."""

    outcome: Outcome
    problems: tuple[str, ...] = ()


def discard(file: Path) -> None:
    """Remove what a job that nobody will run any more has left, beside its file and elsewhere."""
    with suppress(OSError, ValueError):
        if scratch := Job.read(file).scratch:
            shutil.rmtree(scratch, ignore_errors=True)
    for path in file.parent.glob(f"{file.stem}.*"):
        path.unlink(missing_ok=True)


def job_file(store: Path, run_id: str) -> Path:
    """Return the file that a job is written to, in a folder that Git ignores."""
    return store / paths.CACHE / paths.JOBS / f"{run_id}.json"


def execute(job: Job, writer: RunWriter) -> End:
    """Run the job's command, keep what it prints, and end its run.

    Raises:
        ToolError: the command cannot be started.
    """
    log = OutputLog(writer.folder / paths.OUTPUT_LOG)
    if job.scrape:
        log.listener = Scraper(lambda metrics, step: writer.log_metrics(metrics, step=step)).feed
    env = settings.child_environment(job.launch.variables, without=job.launch.without)
    try:
        try:
            outcome = process.run(job.launch.command, cwd=job.launch.cwd, env=env, sink=log.feed)
        finally:
            log.close()
            if job.launch.container:
                with suppress(GittrackError):
                    containers.remove(job.launch.container)
        problems = [log.problem] if log.problem else []
        problems += _take_artifacts(job, writer)
    except BaseException as error:
        writer.end(KILLED if isinstance(error, KeyboardInterrupt) else FAILED)
        raise
    finally:
        if job.scratch:
            shutil.rmtree(job.scratch, ignore_errors=True)
    writer.amend(source={**writer.record.source, "exit_code": outcome.exit_code})
    ends = FAILED if outcome.exit_code else FINISHED
    writer.end(KILLED if outcome.signal is not None else ends)
    return End(outcome, tuple(problems))


def _take_artifacts(job: Job, writer: RunWriter) -> list[str]:
    problems = []
    for pattern in job.artifacts:
        found = sorted(job.launch.cwd.glob(pattern))
        for path in found:
            inside = path.relative_to(job.launch.cwd)
            if path.resolve().is_relative_to(Path(job.store).resolve()) or path.is_dir():
                continue
            try:
                folder = artifactfiles.place(writer.artifacts, inside.parent.as_posix())
                artifactfiles.copy_file(path, folder)
            except (GittrackError, OSError) as error:
                why = error.message if isinstance(error, GittrackError) else error
                problems.append(f"{inside} is not kept: {why}")
        if not found:
            problems.append(f"--artifacts {pattern}: no file of that name was left")
    return problems
