"""Models to score, and a client that speaks WSGI to the application without a network."""

from __future__ import annotations

import io
import json
from typing import NamedTuple
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression

from gittrack.models import infer_signature
from gittrack.models.saving import save_model
from gittrack.serving import create_app


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class Client:
    """Calls the application as a server would, and checks that both keep to the protocol."""

    def __init__(self, app):
        self.app = app

    def __call__(self, method, path, body=b"", content_type=None, **environ):
        caught = {}

        def start_response(status, headers, _=None):
            caught.update(status=int(status[:3]), headers=dict(headers))
            return lambda _: None

        environ = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            "QUERY_STRING": "",
            **environ,
        }
        if content_type is not None:
            environ["CONTENT_TYPE"] = content_type
        setup_testing_defaults(environ)
        result = validator(self.app)(environ, start_response)
        try:
            content = b"".join(result)
        finally:
            result.close()
        return Answer(caught["status"], caught["headers"], content)

    def score(self, body, content_type="application/json"):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self("POST", "/invocations", data, content_type)


@pytest.fixture(scope="session")
def client_of(tmp_path_factory):
    """Save a model and return a client of the application that serves it."""

    def client_of(model, **options):
        path = tmp_path_factory.mktemp("served") / "model"
        save_model(model, path, **options)
        return Client(create_app(path, max_body=100_000))

    return client_of


@pytest.fixture(scope="session")
def unsigned(client_of):
    """The model of the example: one column, no names, no signature."""
    inputs = np.array([-2, -1, 0, 1, 2, 1]).reshape(-1, 1)
    return client_of(LogisticRegression().fit(inputs, [0, 0, 1, 1, 1, 0]))


@pytest.fixture(scope="session")
def signed(client_of):
    """A sum of a long `n` and a double `x`, with a signature that says so."""
    frame = pd.DataFrame({"n": [1, 2, 3], "x": [0.5, 1.5, -1.0]})
    model = LinearRegression().fit(frame, frame["n"] + frame["x"])
    return client_of(model, signature=infer_signature(frame))


@pytest.fixture(scope="session")
def tolerant(client_of):
    """A model that takes anything and says nothing of its columns."""
    return client_of(DummyClassifier(strategy="constant", constant=1).fit([[0], [1]], [0, 1]))


@pytest.fixture(scope="session")
def tolerant_signed(client_of):
    """A model that takes any number of a long `n` and a double `x`."""
    model = DummyClassifier(strategy="constant", constant=1).fit([[0], [1]], [0, 1])
    return client_of(model, signature=infer_signature(pd.DataFrame({"n": [1], "x": [0.5]})))
