"""Models from code: a script makes the model when it is loaded, and names it by `set_model`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gittrack import yamlfile
from gittrack.errors import ModelError, UsageError

_set: list[Any] = []
_config: list[Mapping[str, Any]] = []


def set_model(model: Any) -> None:
    """Name the model that a script has made; called in that script."""
    _set[:] = [model]


class ModelConfig:
    """The settings that a model from code is loaded with.

    Args:
        development_config: a dictionary or a YAML file, where the script runs by itself.
    """

    def __init__(self, *, development_config: Mapping[str, Any] | str | Path | None = None) -> None:
        given = _config[-1] if _config else development_config
        self._values = read_config(given) or {}

    def get(self, key: str) -> Any:
        """Return one setting.

        Raises:
            UsageError: there is none of that name.
        """
        if key not in self._values:
            raise UsageError(
                f"the model's config has no {key!r}", hint=f"it has {', '.join(self._values)}"
            )
        return self._values[key]

    def to_dict(self) -> dict[str, Any]:
        """Return all settings."""
        return dict(self._values)


def read_config(given: Mapping[str, Any] | str | Path | None) -> dict[str, Any] | None:
    """Return the settings of a dictionary or a YAML file.

    Raises:
        UsageError: the file cannot be read, or holds no settings.
    """
    if given is None or isinstance(given, Mapping):
        return None if given is None else dict(given)
    try:
        content = yamlfile.load(Path(given).read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"model_config: cannot read {given}: {error}") from None
    if not isinstance(content, dict):
        raise UsageError(f"model_config: {given} holds no settings", hint="KEY: VALUE, one a line")
    return content


def run(script: Path, config: Mapping[str, Any] | None) -> Any:
    """Run a script and return the model that it set.

    Raises:
        ModelError: it sets none.
    """
    import runpy

    _set.clear()
    _config.append(config or {})
    try:
        runpy.run_path(str(script))
        if not _set:
            raise ModelError(
                f"{script} makes no model", hint="end it with gittrack.models.set_model(MODEL)"
            )
        return _set.pop()
    finally:
        _config.pop()
