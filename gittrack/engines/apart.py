"""A model in an environment of its own: a child process with another Python scores what it is sent.

    python -m gittrack.engines.apart

The first message names the model; each further one is data, and is answered. Messages are pickles
of plain bytes and lists behind their length in 8 bytes, so that two versions of pandas understand
each other.
"""

from __future__ import annotations

import functools
import os
import pickle
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gittrack import settings
from gittrack.engines import answers
from gittrack.errors import ModelError, ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gittrack.engines.answers import Wanted

_LENGTH = 8


class Apart:
    """A running child; made once a worker process, it ends with it."""

    def __init__(self, python: str, library: str, first: object) -> None:
        if not Path(python).exists():
            raise ToolError(
                f"the model's environment {python} is not on this machine",
                hint="set GITTRACK_CACHE to a folder that all machines of the engine share",
            )
        environment = settings.child_environment(
            {"PYTHONPATH": library}, without=("PYTHONHOME", "VIRTUAL_ENV")
        )
        self._child = subprocess.Popen(
            [python, "-m", "gittrack.engines.apart"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        self._lock = threading.Lock()
        try:
            self._ask(first)
        except ModelError:
            self.close()
            raise

    def scored(self, data: Any, rows: int) -> Any:
        """Return what is wanted of the answer to a table, an array or named arrays.

        Raises:
            ModelError: the model fails; the message is the child's.
            ToolError: the child ended.
        """
        return _unpacked(self._ask((_packed(data), rows)))

    def close(self) -> int:
        """End the child, and return its exit code."""
        for stream in (self._child.stdin, self._child.stdout):
            with suppress(OSError):  # it was first
                stream.close()  # type: ignore[union-attr]
        return self._child.wait()

    def _ask(self, message: object) -> Any:
        with self._lock:
            try:
                _send(self._child.stdin, message)
                good, answer = _receive(self._child.stdout)
            except (OSError, EOFError):
                raise ToolError(
                    f"the Python of the model's environment ended with {self.close()}",
                    hint="its own message stands in the log of the engine's worker",
                ) from None
        if not good:
            raise ModelError(answer)
        return answer


def started(
    python: str, folder: Path, *, wanted: Wanted, params: Mapping[str, Any] | None, library: Path
) -> Apart:
    """Return the child that scores with a model, started once in this process.

    Args:
        python: of the model's environment.
        folder: the model's.
        library: the folder or archive that holds gittrack.

    Raises:
        ToolError: the environment is not there, or its Python ends.
        ModelError: the model cannot be loaded in it.
    """
    first = pickle.dumps((str(folder), wanted, dict(params) if params else None))
    return _started(python, str(library), first)


@functools.lru_cache(maxsize=4)
def _started(python: str, library: str, first: bytes) -> Apart:
    return Apart(python, library, pickle.loads(first))  # noqa: S301 - it was made above


def main() -> None:
    """Answer messages until there are no more."""
    # What the model prints is no answer.
    answers_to = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    asked = sys.stdin.buffer
    model = None
    while True:
        try:
            message = _receive(asked)
        except EOFError:
            return
        try:
            if model is None:
                from gittrack.models import pyfunc

                folder, wanted, params = message
                model = pyfunc.load_model(Path(folder))
                reply: object = None
            else:
                data, rows = message
                answer = model.predict(_unpacked(data), params)
                reply = _packed(answers.chosen(answer, wanted, rows))
        except Exception as error:  # noqa: BLE001 - whatever fails in the model is the answer
            _send(answers_to, (False, f"{type(error).__name__}: {error}"))
        else:
            _send(answers_to, (True, reply))


def _send(stream: Any, message: object) -> None:
    data = pickle.dumps(message, protocol=4)
    stream.write(len(data).to_bytes(_LENGTH, "big") + data)
    stream.flush()


def _receive(stream: Any) -> Any:
    length = stream.read(_LENGTH)
    data = stream.read(int.from_bytes(length, "big"))
    if len(length) < _LENGTH:
        raise EOFError
    return pickle.loads(data)  # noqa: S301 - both ends are ours


def _packed(data: Any) -> tuple[str, Any]:
    """Return a table, a column, an array or named arrays in plain bytes and lists."""
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        return "table", [(name, _cells(data[name].to_numpy())) for name in data]
    if isinstance(data, pd.Series):
        return "column", _cells(data.to_numpy())
    if isinstance(data, dict):
        return "arrays", [(name, _cells(array)) for name, array in data.items()]
    return "array", _cells(data)


def _unpacked(packed: Any) -> Any:
    import pandas as pd

    if packed is None:
        return None
    form, content = packed
    if form == "array":
        return _array(content)
    if form == "column":
        return _column(content)
    if form == "arrays":
        return {name: _array(cells) for name, cells in content}
    return pd.DataFrame({name: _column(cells) for name, cells in content})


def _column(cells: tuple[str, tuple[int, ...], Any]) -> Any:
    import pandas as pd

    array = _array(cells)
    return pd.Series(array, dtype=array.dtype)  # pandas would take objects for texts


def _cells(values: Any) -> tuple[str, tuple[int, ...], Any]:
    import numpy as np

    array = np.asarray(values)
    if array.dtype.kind in "biufM":
        return array.dtype.str, array.shape, array.tobytes()
    return "O", array.shape, array.astype(object).tolist()


def _array(cells: tuple[str, tuple[int, ...], Any]) -> Any:
    import numpy as np

    dtype, shape, content = cells
    if dtype != "O":
        return np.frombuffer(content, dtype=dtype).reshape(shape).copy()
    array = np.empty(shape, dtype=object)
    array[:] = content
    return array


if __name__ == "__main__":
    main()
