"""`python -m gittrack.projects.worker JOB`: run a job that another process has left."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

from gittrack.errors import GittrackError
from gittrack.projects.job import Job, discard, execute
from gittrack.runs.record import FAILED
from gittrack.runs.store import Store
from gittrack.runs.writer import RunWriter


def main(path: Path) -> int:
    """Run the job, and return the exit code of its command."""
    job = Job.read(path)
    writer = RunWriter.join(Store.open(job.store), job.run_id)
    try:
        return execute(job, writer).outcome.exit_code
    except GittrackError as error:
        with suppress(OSError):
            writer.folder.joinpath("output.log").open("ab").write(f"{error}\n".encode())
        if writer.open:
            writer.end(FAILED)
        return error.exit_code
    finally:
        discard(path)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
