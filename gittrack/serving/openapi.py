"""/openapi.json: the server described for this model, from its signature."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gittrack.models.specs import ColSpec
from gittrack.serving import columnar, request, response
from gittrack.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gittrack.models.mlmodel import Model
    from gittrack.models.specs import InputSpec, Schema

_INT32, _INT64 = 2**31, 2**63
_TYPES: Mapping[str, dict[str, Any]] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer", "minimum": -_INT32, "maximum": _INT32 - 1},
    "long": {"type": "integer", "minimum": -_INT64, "maximum": _INT64 - 1},
    "float": {"type": ["number", "null"]},
    "double": {"type": ["number", "null"]},
    "string": {"type": ["string", "null"]},
    "binary": {"type": ["string", "null"], "contentEncoding": "base64"},
    "datetime": {"type": ["string", "null"], "format": "date-time"},
}
_ERROR = {
    "type": "object",
    "required": ["error_code", "message"],
    "properties": {name: {"type": "string"} for name in ("error_code", "message", "stack_trace")},
}
_REFUSALS = {
    400: "The body is broken, or does not fit the model; the message names the field.",
    408: "The request did not arrive in time.",
    413: "The body is too large.",
    415: "The Content-Type is missing, or of no form that is read.",
    500: "The model failed; the message names the incident under which the log says why.",
    504: "The answer took too long.",
}


def describe(model: Model) -> bytes:
    """Return the description of a model's server as OpenAPI 3.1."""
    scoring = {
        "summary": "Predict.",
        "requestBody": {"required": True, "content": _bodies(model.get_input_schema())},
        "responses": {
            "200": _answer("The predictions, one for each row.", _predictions()),
            **{str(code): _answer(words, _ref("Error")) for code, words in _REFUSALS.items()},
        },
    }
    content = {
        "openapi": "3.1.0",
        "info": {"title": model.artifact_path or "model", "version": VERSION},
        "paths": {
            "/invocations": {"post": scoring},
            "/ping": _page("Answer when the model is loaded."),
            "/health": _page("The same as /ping."),
            "/version": _page("The version of gittrack.", response.TEXT),
            "/metrics": _page("Counters for Prometheus.", "text/plain"),
            "/openapi.json": _page("This description.", response.JSON),
        },
        "components": {"schemas": {"Row": _row(model.get_input_schema()), "Error": _ERROR}},
    }
    return json.dumps(content).encode()


def _bodies(inputs: Schema | None) -> dict[str, Any]:
    rows = {"type": "array", "items": _ref("Row"), "minItems": 1}
    split = {
        "type": "object",
        "required": ["data"],
        "properties": {
            "columns": {"type": "array", "items": {"type": ["string", "number"]}},
            "index": {"type": "array", "items": {"type": ["string", "number"]}},
            "data": {"type": "array", "items": {"type": "array"}, "minItems": 1},
        },
    }
    values = {"type": ["array", "object"]}
    forms: dict[str, Any] = {"instances": values, "inputs": values}
    if inputs is None or not inputs.is_tensor_spec():
        forms = {"dataframe_split": split, "dataframe_records": rows, **forms}
    bodies = [
        {
            "type": "object",
            "required": [name],
            "properties": {name: schema, "params": {"type": "object"}},
            "additionalProperties": False,
        }
        for name, schema in forms.items()
    ]
    texts = [request.CSV_TYPE, *(request.COLUMNAR_TYPES if columnar.is_there() else ())]
    types: dict[str, Any] = {request.JSON_TYPE: {"anyOf": [*bodies, split, rows]}}
    types |= {name: {"type": "string"} for name in texts}
    return {name: {"schema": schema} for name, schema in types.items()}


def _row(inputs: Schema | None) -> dict[str, Any]:
    if inputs is None or inputs.is_tensor_spec() or not inputs.has_input_names():
        return {"type": "object"}
    required = [str(spec.name) for spec in inputs.columns() if spec.required]
    properties = {str(spec.name): _column(spec) for spec in inputs}
    return {"type": "object", "properties": properties, "required": required}


def _column(spec: InputSpec) -> dict[str, Any]:
    return _TYPES.get(spec.type, {}) if isinstance(spec, ColSpec) else {}


def _predictions() -> dict[str, Any]:
    # What a model answers is its own affair; the form of the body decides the envelope.
    wrapped = {"type": "object", "required": ["predictions"], "properties": {"predictions": {}}}
    return {"anyOf": [wrapped, {}]}


def _page(words: str, content_type: str = "") -> dict[str, Any]:
    answer: dict[str, Any] = {"description": words}
    if content_type:
        answer["content"] = {content_type: {"schema": {}}}
    return {"get": {"summary": words, "responses": {"200": answer}}}


def _answer(words: str, schema: object) -> dict[str, Any]:
    return {"description": words, "content": {response.JSON: {"schema": schema}}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
