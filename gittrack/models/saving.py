"""Saving and loading a model of any flavor; the flavors differ only in their own files."""

from __future__ import annotations

import dataclasses
import platform
import sys
import uuid
import warnings
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from gittrack import paths
from gittrack.errors import GittrackError, ModelError, TrackingWarning, UsageError
from gittrack.models import code, digest, examples, flavors, mlmodel, requirements
from gittrack.models.flavors.base import Loading
from gittrack.models.folder import filled
from gittrack.models.inference import infer_signature
from gittrack.models.mlmodel import PYTHON_FUNCTION, Model
from gittrack.models.specs import ModelSignature
from gittrack.version import VERSION

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from gittrack.models.flavors.base import Flavor, Saved


class SaveOptions(TypedDict, total=False):
    """What can be said of a model when it is saved, in MLflow's words.

    `signature` defaults to what `input_example` shows, and is left out by False. `pip_requirements`
    replaces the packages that gittrack finds, `extra_pip_requirements` adds to them; each is a list
    or a file's path. `code_paths` are files and folders of modules that the model needs. What a
    flavor takes beside these stands in its module.
    """

    signature: ModelSignature | bool | None
    input_example: Any
    pip_requirements: requirements.Requirements
    extra_pip_requirements: requirements.Requirements
    conda_env: Mapping[str, Any] | str | Path | None
    code_paths: Sequence[str | Path] | None
    metadata: Mapping[str, Any] | None
    serialization_format: str | None
    pyfunc_predict_fn: str | None
    skops_trusted_types: Sequence[str] | None
    model_format: str | None
    artifacts: Mapping[str, str | Path] | None
    model_config: Mapping[str, Any] | str | Path | None
    data_path: str | Path | None
    task: str | None


class Origin(NamedTuple):
    """The run that a model is logged to, its path there, and the commit of the run's code."""

    run_id: str
    artifact_path: str
    commit: str | None = None


_COMMON = frozenset(
    {
        "signature",
        "input_example",
        "pip_requirements",
        "extra_pip_requirements",
        "conda_env",
        "code_paths",
        "metadata",
    }
)


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
        with code.importable(options.get("code_paths"), folder):
            saved = _saved(chosen, model, folder, options)
            described = _describe(model, chosen, saved, folder, options)
        if origin is not None:
            described = dataclasses.replace(
                described,
                run_id=origin.run_id,
                artifact_path=origin.artifact_path,
                git_commit=origin.commit,
            )
        described = dataclasses.replace(
            described, digest=digest.of_folder(folder, without={paths.MLMODEL})
        )
        (folder / paths.MLMODEL).write_bytes(mlmodel.to_bytes(described))
    return described


def _saved(flavor: Flavor, model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
    try:
        return flavor.save(model, folder, options)
    except (GittrackError, OSError):
        raise
    except Exception as error:
        raise ModelError(
            f"{type(model).__name__} cannot be saved as {flavor.NAME}: "
            f"{type(error).__name__}: {error}",
            hint="is it fitted, and whole?",
        ) from error


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
    example, params = examples.split(options.get("input_example"))
    with_code = {"code": code.FOLDER} if options.get("code_paths") else {}
    function = {
        "loader_module": f"mlflow.{flavor.NAME}",
        "python_version": platform.python_version(),
        "env": {"conda": requirements.CONDA, "virtualenv": requirements.PYTHON_ENV},
        **saved.python_function,
        **with_code,
    }
    entries = {PYTHON_FUNCTION: function}
    if saved.entry:
        entries[flavor.NAME] = {**saved.entry, **with_code}
    signature = options.get("signature")
    if example is not None and signature in (None, True):
        signature = _shown(model, flavor, folder, entries, example, params)
    lines = requirements.given(options.get("pip_requirements"), argument="pip_requirements")
    if options.get("pip_requirements") is None:
        frames = ["pandas"] if _takes_frames(example, signature) else []
        lines = requirements.pinned((*saved.packages, *frames))
    lines += requirements.given(
        options.get("extra_pip_requirements"), argument="extra_pip_requirements"
    )
    requirements.write(folder, lines, conda_env=options.get("conda_env"))
    return Model(
        flavors=entries,
        utc_time_created=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f"),
        model_uuid=uuid.uuid4().hex,
        gittrack_version=VERSION,
        signature=signature if isinstance(signature, ModelSignature) else None,
        saved_input_example_info=None if example is None else examples.write(folder, example),
        metadata=options.get("metadata"),
    )


def _shown(
    model: Any,
    flavor: Flavor,
    folder: Path,
    entries: Mapping[str, Any],
    example: Any,
    params: Mapping[str, Any],
) -> ModelSignature:
    """Return the signature that an example shows, from what the model answers to it."""
    function = entries[PYTHON_FUNCTION]
    # What is written in Python predicts only when it was loaded.
    raw = flavor.load(folder, function, Loading()) if flavor.NAME == PYTHON_FUNCTION else model
    if flavor.NAME == "transformers" and isinstance(raw, dict):
        raw = flavor.load(folder, entries[flavor.NAME], Loading())
    try:
        answer = flavor.predict(flavor.prepare(raw, function), example, function, params)
    except GittrackError:
        raise
    except Exception as error:
        raise ModelError(
            f"the model cannot take its input_example: {type(error).__name__}: {error}",
            hint="give an example of what predict takes, or signature=False",
        ) from error
    try:
        return infer_signature(example, answer, params or None)
    except ModelError as error:
        message = f"the signature leaves out what the model answers: {error.message}"
        warnings.warn(message, TrackingWarning, stacklevel=2)
        return infer_signature(example, None, params or None)


def _takes_frames(example: Any, signature: Any) -> bool:
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(example, (pandas.DataFrame, pandas.Series)):
        return True
    return isinstance(signature, ModelSignature) and bool(
        signature.inputs and signature.inputs.columns()
    )
