"""Model URIs, as the folder that holds the MLmodel.

`runs:/RUN/path`, `models:/NAME/3`, `models:/NAME@ALIAS`, `models:/NAME/latest`, a path, or `file:`.
All but the last also as another revision has them: `main:models:/NAME@ALIAS`, `v1:models/wine`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from gittrack import settings
from gittrack.errors import UsageError
from gittrack.models.folder import KINDS, existing

if TYPE_CHECKING:
    from gittrack.runs.store import Store

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_STORED = re.compile(r"(runs|models):", re.IGNORECASE)
_REVISION = re.compile(r"[^:]+:[^/\\]")


def resolve(uri: str | Path, *, store: Store | None = None) -> Path:
    """Return the folder of the model that a URI names.

    Args:
        uri: RUN in `runs:/RUN/path` is an id, its prefix, a name, `@`, `best:METRIC` ...
        store: where runs are looked for; the one of the working folder where not given.

    Raises:
        UsageError: it is no URI that gittrack reads.
        NotFoundError: there is no such run, revision or model.
        AmbiguousError: the run's name fits several.
    """
    text = os.fspath(uri)
    if not text or "\0" in text:
        raise UsageError(f"the model URI {text!r} is no name of a model", hint=KINDS)
    if isinstance(uri, Path):
        return existing(uri)
    if text[:5].lower() == "file:":
        return existing(settings.local_path(text, source="model URI"))
    if is_stored(uri):
        # A path needs nothing of the store, whose parts take longer to import than a small model.
        from gittrack.models import stored

        return stored.find(text, store)
    if (scheme := _SCHEME.match(text)) and not Path(text).exists():
        name = scheme[1].lower()
        raise UsageError(f"model URI {text!r}: gittrack does not read {name}: yet", hint=KINDS)
    return existing(Path(text).expanduser())


def is_stored(uri: str | Path) -> bool:
    """Tell whether a URI names a model by its run, its name or a revision, and not by a path."""
    text = os.fspath(uri)
    if isinstance(uri, Path):
        return False
    return bool(_STORED.match(text) or (_REVISION.match(text) and not Path(text).exists()))


def runs_uri(run_id: str, artifact_path: str) -> str:
    """Return the URI of a model in a run's artifacts."""
    return f"runs:/{run_id}/{artifact_path}"
