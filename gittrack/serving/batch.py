"""Scoring a file: read, predicted and written in chunks, so that its size does not matter."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from gittrack.errors import InvalidValueError, MissingPackageError, ModelError
from gittrack.serving import answers, chunks, request

if TYPE_CHECKING:
    from collections.abc import Callable

    from gittrack.models.pyfunc import PyFuncModel
    from gittrack.serving.chunks import Chunk, Kind


def predict(
    model: PyFuncModel,
    source: IO[bytes],
    target: IO[bytes],
    *,
    reads: Kind,
    writes: Kind,
    on_chunk: Callable[[int], None] = lambda _: None,
) -> int:
    """Write a model's predictions for the rows of a file, and return how many rows there were.

    Args:
        on_chunk: told after each chunk how many rows are done.

    Raises:
        InvalidValueError: the file is broken, or holds no rows.
        SchemaMismatchError: its rows do not fit the model's signature.
        ModelError: the model fails, or its predictions are no table.
    """
    texts = request.text_columns(model.metadata.get_input_schema())
    rows = 0
    with answers.writer(target, writes) as write:
        for chunk in chunks.read(source, reads, texts=texts):
            write(_scored(model, chunk, after=rows))
            rows += len(chunk.data)
            on_chunk(rows)
        if not rows:
            raise InvalidValueError("the input holds no rows")
    return rows


def _scored(model: PyFuncModel, chunk: Chunk, *, after: int) -> Any:
    data = model.fit_to_signature(chunk.data, exact=not chunk.typed)
    try:
        return model.score(data)
    except (ModelError, MissingPackageError):
        raise
    except (Exception, SystemExit) as error:  # a model may raise anything
        # ValueError and TypeError are what libraries say of input they cannot take.
        refused = isinstance(error, (ValueError, TypeError))
        name = type(error).__name__
        words = (str(error).strip() or name).splitlines()[0][:300]
        raise ModelError(
            f"the model {'cannot take' if refused else f'failed ({name}) on'}"
            f" the {len(chunk.data)} rows after row {after}: {words}",
            hint="check these rows for empty cells and other types",
        ) from error
