"""Tables among a run's artifacts: JSON in pandas' form "split", or Parquet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gittrack.errors import InvalidValueError, MissingPackageError

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

SUFFIXES = (".json", ".parquet")


def pandas_for(call: str) -> Any:
    """Return the package pandas.

    Raises:
        MissingPackageError: it is not installed.
    """
    try:
        import pandas as pd
    except ImportError:
        raise MissingPackageError(
            f"{call} needs pandas, which is not installed", hint="pip install pandas"
        ) from None
    return pd


def frame_of(data: object) -> pd.DataFrame:
    """Return a table that is given as a DataFrame, or as a dict of columns or of one row.

    Raises:
        InvalidValueError: it is neither.
    """
    import pandas as pd

    if isinstance(data, dict):
        one_row = all(pd.api.types.is_scalar(value) for value in data.values())
        data = pd.DataFrame([data] if one_row else data)
    if not isinstance(data, pd.DataFrame):
        raise InvalidValueError("data must be a pandas.DataFrame or a dictionary")
    return data


def read(path: Path) -> pd.DataFrame:
    """Read what `write` or MLflow wrote.

    Raises:
        InvalidValueError: it is no table.
    """
    import pandas as pd

    if path.suffix == ".parquet":
        frame: pd.DataFrame = pd.read_parquet(path)
        return frame
    try:
        # Not pandas' own reader, which takes texts such as "0123" for numbers.
        held = json.loads(path.read_text(encoding="utf-8"))
        frame = pd.DataFrame(held["data"], columns=held["columns"])
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidValueError(f"{path} is no table: {error}") from None
    return frame


def write(frame: pd.DataFrame, path: Path) -> None:
    """Write a table; numbers in full, times as ISO 8601, what is missing as null."""
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
        return
    cells = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    held = {"columns": [str(name) for name in frame.columns], "data": cells}
    path.write_text(json.dumps(held, default=_plain, ensure_ascii=False), encoding="utf-8")


def _plain(value: Any) -> Any:
    for method in ("isoformat", "tolist", "to_list"):
        if hasattr(value, method):
            return getattr(value, method)()
    return str(value)
