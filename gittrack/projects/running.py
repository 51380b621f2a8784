"""Running a project: everything checked first, then a run made, then the command run in it."""

from __future__ import annotations

import json
import signal as signals
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gittrack import paths
from gittrack.environments.base import Reporter
from gittrack.errors import InvalidValueError, RunStateError, ToolError
from gittrack.projects import starting
from gittrack.projects.backends import choosing
from gittrack.projects.job import discard, execute, job_file
from gittrack.projects.order import LOCAL, Order
from gittrack.projects.preparing import prepare
from gittrack.runs.reading import StoredRun, read_run
from gittrack.runs.record import ENDED, FINISHED, KILLED
from gittrack.runs.writer import RunWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from gittrack.projects.backends.base import Handle
    from gittrack.projects.preparing import Prepared
    from gittrack.runs.store import Store


@dataclass
class SubmittedRun:
    """A run of a project that was started, perhaps in another process or on another machine.

    Attributes:
        folder: of the run.
        signal: the signal that stopped this process and the command, or None.
        notes: what a person should know of how it was run.
    """

    run_id: str
    name: str
    folder: Path
    store: Store
    signal: int | None = None
    notes: tuple[str, ...] = ()
    handle: Handle | None = field(default=None, repr=False)

    def wait(self) -> bool:
        """Wait for its end, and tell whether it finished well."""
        if self.handle is not None:
            self.handle.wait()
            self._settle()
        return self.status == FINISHED and not self.exit_code

    def cancel(self) -> None:
        """Stop it, and wait until it has stopped; what has ended stays as it is."""
        if self.handle is not None and self.status not in ENDED:
            self.handle.cancel()
            self._settle()

    def get_status(self) -> str:
        """Return its status, such as "RUNNING" or "FINISHED"."""
        return self.status

    @property
    def status(self) -> str:
        """Its status as the record says it now."""
        return self._stored().record.status

    @property
    def exit_code(self) -> int | None:
        """What its command exited with, 128+n where signal n ended it; None before its end."""
        code = self._stored().record.source.get("exit_code")
        return code if isinstance(code, int) else None

    @property
    def command(self) -> str:
        """Its command, as it is recorded."""
        return str(self._stored().record.source.get("command", ""))

    def _stored(self) -> StoredRun:
        return read_run(self.folder)

    def _settle(self) -> None:
        # Nothing runs any more: a worker that was killed, or never came to start, told nobody.
        if self.status not in ENDED:
            writer = RunWriter.join(self.store, self.run_id)
            if writer.owns:
                discard(job_file(self.store.root, self.run_id))
                writer.end(KILLED)


def run(
    uri: str = ".",
    entry_point: str = "main",
    version: str | None = None,
    parameters: Mapping[str, object] | None = None,
    docker_args: Mapping[str, str | bool] | None = None,
    experiment_name: str | None = None,
    experiment_id: str | None = None,
    backend: str = LOCAL,
    backend_config: Mapping[str, object] | str | Path | None = None,
    storage_dir: str | None = None,
    synchronous: bool = True,
    run_id: str | None = None,
    run_name: str | None = None,
    env_manager: str | None = None,
    build_image: bool = False,
    docker_auth: Mapping[str, str] | None = None,
    *,
    store: Store | Path | str | None = None,
    check: bool = True,
) -> SubmittedRun:
    """Run a project's entry point as a run of its own, and wait for its end.

    Args:
        uri: a folder, a zip file or a Git URL, with `#sub/folder` where it is not at its top.
        backend_config: settings of the backend, or a JSON file of them.
        synchronous: wait for its end.
        run_id: go on with this run instead of making one.
        store: the folder of the runs; default: the one that other calls use.
        check: raise where the command fails, and stop this process too where a signal stopped it.

    `storage_dir` and `docker_auth` are taken and not needed.

    Raises:
        GittrackError: something is wrong with project or arguments, or the command failed.
    """
    del storage_dir, docker_auth
    order = Order(
        str(uri),
        entry_point,
        version=version,
        parameters=parameters or {},
        docker_args=docker_args or {},
        experiment_name=_experiment(experiment_name, experiment_id, store),
        backend=backend,
        config=read_config(backend_config),
        detached=not synchronous or backend != LOCAL,
        run_id=run_id,
        run_name=run_name,
        env_manager=env_manager,
        build_image=build_image,
        store=store,
    )
    done = submit(order)
    if not synchronous:
        return done
    done.wait()
    if check:
        _raise_for(done)
    return done


def _raise_for(done: SubmittedRun) -> None:
    if done.signal is not None:
        signals.raise_signal(done.signal)
    code = done.exit_code
    if code or (code is None and done.status != FINISHED):
        ended = f"exited with code {code}" if code is not None else f"ended as {done.status}"
        raise ToolError(
            f"run {done.run_id} failed: {done.command} {ended}",
            hint=f"its output is in {done.folder / paths.OUTPUT_LOG}",
        )


def submit(
    order: Order,
    *,
    to: Reporter | None = None,
    started: Callable[[RunWriter, Prepared], None] = lambda _, __: None,
) -> SubmittedRun:
    """Run what is ordered: to its end, or handed over where it is to be detached.

    Args:
        to: told of environments that are built, and of what else a person should know.
        started: called when the run is made, before its command starts.

    Raises:
        GittrackError: see `run`.
    """
    to = to or Reporter()
    backend = choosing.backend(order.backend)
    backend.check(order.config)
    with prepare(order) as prepared:
        for note in prepared.notes:
            to.say(note)
        begun = starting.start(prepared, to=to)
        for note in begun.notes:
            to.say(note)
        writer = begun.writer
        started(writer, prepared)
        notes = (*prepared.notes, *begun.notes)
        submitted = SubmittedRun(
            writer.run_id, writer.name, writer.folder, prepared.store, notes=notes
        )
        if not order.detached:
            end = execute(begun.job, writer)
            for problem in end.problems:
                to.say(problem)
            notes = (*notes, *end.problems)
            return replace(submitted, signal=end.outcome.signal, notes=notes)
        starting.hand_over(begun)
        try:
            handle = backend.submit(begun.job, begun.job.write(), config=order.config)
        except BaseException:
            submitted._settle()
            raise
        prepared.scratch.is_kept = True
        return replace(submitted, handle=handle)


def read_config(given: Mapping[str, object] | str | Path | None) -> Mapping[str, object]:
    """Return the settings of a backend: a map, a JSON text, or the name of a JSON file.

    Raises:
        InvalidValueError: it is no map.
    """
    if given is None or isinstance(given, Mapping):
        return given or {}
    text = str(given)
    try:
        data = json.loads(text if text.lstrip().startswith("{") else Path(text).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidValueError(
            f"the backend's settings {text!r:.80} cannot be read: {error}",
            hint='give a JSON file, or a text such as {"time": "1:00:00"}',
        ) from None
    if not isinstance(data, Mapping):
        raise InvalidValueError(
            f"the backend's settings {text!r:.80} are no map", hint='such as {"time": "1:00:00"}'
        )
    return data


def _experiment(
    name: str | None, experiment_id: str | None, store: Store | Path | str | None
) -> str | None:
    if experiment_id is None:
        return name
    if name is not None:
        raise RunStateError(
            "Specify only one of 'experiment_name' or 'experiment_id'.", hint="leave one out"
        )
    from gittrack.projects import preparing

    return preparing._store(store).experiment(str(experiment_id), ids_first=True).name
