"""Saving and loading a model of any flavor; the flavors differ only in their own files."""

from __future__ import annotations

import dataclasses
import platform
import sys
import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from gittrack import paths
from gittrack.errors import ModelError, UsageError
from gittrack.models import examples, flavors, mlmodel, requirements
from gittrack.models.folder import filled
from gittrack.models.inference import infer_signature
from gittrack.models.mlmodel import PYTHON_FUNCTION, Model
from gittrack.models.specs import ModelSignature
from gittrack.models.uri import resolve
from gittrack.version import VERSION

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from gittrack.models.flavors.base import Flavor, Saved
    from gittrack.runs.store import Store


class SaveOptions(TypedDict, total=False):
    """What can be said of a model when it is saved, in MLflow's words.

    `signature` defaults to what `input_example` shows, and is left out by False. `pip_requirements`
    replaces the packages that gittrack finds, `extra_pip_requirements` adds to them; each is a list
    or a file's path.
    """

    signature: ModelSignature | bool | None
    input_example: Any
    pip_requirements: requirements.Requirements
    extra_pip_requirements: requirements.Requirements
    conda_env: Mapping[str, Any] | str | Path | None
    metadata: Mapping[str, Any] | None
    serialization_format: str | None
    pyfunc_predict_fn: str | None


class Origin(NamedTuple):
    """The run that a model is logged to, and its path there."""

    run_id: str
    artifact_path: str


_COMMON = frozenset(SaveOptions.__annotations__) - {"serialization_format", "pyfunc_predict_fn"}


def save_model(
    model: Any,
    path: str | Path,
    *,
    flavor: str | None = None,
    origin: Origin | None = None,
    replace: bool = False,
    **options: Unpack[SaveOptions],
) -> Model:
    """Save a model as a folder, which appears at `path` whole or not at all.

    Args:
        flavor: the library it belongs to; found from the model where not given.
        origin: the run that it is logged to.
        replace: take the place of what is at `path`.

    Raises:
        ModelError: it cannot be saved, or `path` is there and `replace` is false.
        UsageError: an argument is wrong.
    """
    chosen = flavors.named(flavor) if flavor else flavors.of_model(model)
    _check(options, chosen)
    with filled(Path(path).absolute(), replace=replace) as folder:
        saved = chosen.save(model, folder, options)
        described = _describe(model, chosen, saved, folder, options)
        if origin is not None:
            run_id, artifact_path = origin
            described = dataclasses.replace(described, run_id=run_id, artifact_path=artifact_path)
        (folder / paths.MLMODEL).write_bytes(mlmodel.to_bytes(described))
    return described


def load_model(uri: str | Path, *, flavor: str, store: Store | None = None) -> Any:
    """Load a model as the object that its library made.

    Args:
        uri: `runs:/RUN/path`, a path, or `file:`.
        flavor: the library it belongs to.
        store: where runs are looked for; the one of the working folder where not given.

    Raises:
        NotFoundError: there is no such model.
        ModelError: it is damaged, or not of this flavor.
    """
    folder = resolve(uri, store=store)
    entries = mlmodel.read(folder).flavors
    if flavor not in entries:
        hint = f"it has: {', '.join(sorted(entries))}"
        raise ModelError(f"{folder} is no model of the flavor {flavor!r}", hint=hint)
    return flavors.named(flavor).load(folder, entries[flavor])


def _check(options: Mapping[str, Any], flavor: Flavor) -> None:
    unknown = sorted(set(options) - _COMMON - flavor.OPTIONS)
    if unknown:
        known = ", ".join(sorted(_COMMON | flavor.OPTIONS))
        raise UsageError(
            f"saving a model of {flavor.NAME} takes no argument {unknown[0]!r}",
            hint=f"it takes {known}",
        )
    signature = options.get("signature")
    if not isinstance(signature, (ModelSignature, bool, type(None))):
        raise UsageError(
            f"signature is {type(signature).__name__}, not a ModelSignature",
            hint="signature=infer_signature(inputs, predictions)",
        )
    if not isinstance(options.get("metadata"), (Mapping, type(None))):
        raise UsageError("metadata is no dictionary", hint="metadata={'key': 'value'}")
    if options.get("conda_env") and (
        options.get("pip_requirements") or options.get("extra_pip_requirements")
    ):
        raise UsageError(
            "conda_env and pip_requirements exclude each other", hint="give one of them"
        )


def _describe(
    model: Any, flavor: Flavor, saved: Saved, folder: Path, options: Mapping[str, Any]
) -> Model:
    """Write what stands beside the model's own files, and return what MLmodel will say."""
    example = options.get("input_example")
    function = {
        "loader_module": f"mlflow.{flavor.NAME}",
        "python_version": platform.python_version(),
        "env": {"conda": requirements.CONDA, "virtualenv": requirements.PYTHON_ENV},
        **saved.python_function,
    }
    signature = options.get("signature")
    if example is not None and signature in (None, True):
        signature = infer_signature(example, flavor.predict(model, example, function))
    lines = requirements.given(options.get("pip_requirements"), argument="pip_requirements")
    if options.get("pip_requirements") is None:
        lines = requirements.pinned(
            (*saved.packages, *(["pandas"] if _takes_frames(example, signature) else []))
        )
    lines += requirements.given(
        options.get("extra_pip_requirements"), argument="extra_pip_requirements"
    )
    requirements.write(folder, lines, conda_env=options.get("conda_env"))
    return Model(
        flavors={PYTHON_FUNCTION: function, flavor.NAME: saved.entry},
        utc_time_created=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f"),
        model_uuid=uuid.uuid4().hex,
        gittrack_version=VERSION,
        signature=signature if isinstance(signature, ModelSignature) else None,
        saved_input_example_info=None if example is None else examples.write(folder, example),
        metadata=options.get("metadata"),
    )


def _takes_frames(example: Any, signature: Any) -> bool:
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(example, (pandas.DataFrame, pandas.Series)):
        return True
    return isinstance(signature, ModelSignature) and bool(
        signature.inputs and signature.inputs.columns()
    )
