"""Loading: files that changed are noticed, code runs only where that is wanted."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest
import yaml

from gittrack.errors import MissingPackageError, ModelError, UsageError
from gittrack.models import fromcode, pyfunc
from gittrack.models.loading import load_model
from gittrack.models.pythonmodel import PythonModel
from gittrack.models.saving import save_model


@pytest.fixture
def model(tmp_path, classifier):
    save_model(classifier, tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize("size", [0, 2 << 20])
def test_a_file_that_changed_is_noticed(tmp_path, classifier, size):
    fitted = type(classifier)().fit([[0.0], [1.0]], [0, 1])
    fitted.padding_ = b"x" * size
    save_model(fitted, tmp_path / "model")
    assert load_model(tmp_path / "model", flavor="sklearn")
    file = tmp_path / "model" / "model.pkl"
    file.write_bytes(file.read_bytes() + b"more")
    with pytest.raises(ModelError, match="are not those that were saved: their digest"):
        load_model(tmp_path / "model", flavor="sklearn")
    file.write_bytes(b"x" * size)  # what cannot be loaded at all has the same reason
    with pytest.raises(ModelError, match="are not those that were saved: their digest"):
        load_model(tmp_path / "model", flavor="sklearn")


class Evil:
    """A pickle that writes a file when it is loaded."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return type(self.target).touch, (self.target,)


@pytest.mark.parametrize("size", [0, 8 << 20])
def test_no_code_of_a_changed_model_runs(tmp_path, model, size):
    evil = pickle.dumps((b"x" * size, Evil(tmp_path / "hacked")))
    pickle.loads(evil)
    assert (tmp_path / "hacked").exists()
    (tmp_path / "hacked").unlink()
    (model / "model.pkl").write_bytes(evil)
    for load in (lambda: load_model(model, flavor="sklearn"), lambda: pyfunc.load_model(model)):
        with pytest.raises(ModelError, match="are not those that were saved: their digest"):
            load()
    assert not (tmp_path / "hacked").exists()


@pytest.mark.parametrize("change", ["added", "removed", "link"])
def test_a_file_more_or_less_is_noticed(model, tmp_path, change):
    if change == "added":
        (model / "more.txt").write_text("x")
    else:
        (model / "conda.yaml").unlink()
    if change == "link":
        (tmp_path / "elsewhere").write_text("x")
        (model / "conda.yaml").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelError, match=r"digest|cannot read .*conda\.yaml: is a link"):
        load_model(model, flavor="sklearn")


def test_a_model_of_mlflows_has_no_digest_and_needs_none(model):
    described = yaml.safe_load((model / "MLmodel").read_text())
    del described["digest"]
    (model / "MLmodel").write_text(yaml.safe_dump(described))
    (model / "more.txt").write_text("x")
    assert load_model(model, flavor="sklearn")


def test_safe_refuses_what_runs_code(model):
    with pytest.raises(ModelError, match="is sklearn with a pickle, and loading that may run"):
        load_model(model, flavor="sklearn", safe=True)
    with pytest.raises(ModelError, match="a pickle"):
        pyfunc.load_model(model, safe=True)
    text = (model / "MLmodel").read_text().replace("cloudpickle", "skops")
    (model / "MLmodel").write_text(text.replace("code: null", "code: code"))
    with pytest.raises(ModelError, match="modules of its own"):
        pyfunc.load_model(model, safe=True)


def test_a_whole_process_can_be_made_safe(model, monkeypatch):
    monkeypatch.setenv("GITTRACK_SAFE", "1")
    with pytest.raises(ModelError, match="a pickle"):
        pyfunc.load_model(model)
    command = [sys.executable, "-m", "gittrack", "serve", str(model), "--port", "0", "--safe"]
    monkeypatch.delenv("GITTRACK_SAFE")
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "loading that may run any code" in done.stderr


class Shouting(PythonModel):
    def predict(self, context, model_input: list[str], params=None):  # noqa: ARG002
        return [word.upper() * (params or {}).get("times", 1) for word in model_input]


def test_a_model_of_ones_own_with_parameters(tmp_path):
    example = (["a", "b"], {"times": 2})
    saved = save_model(Shouting(), tmp_path / "model", input_example=example)
    assert saved.signature.params.params[0].default == 2
    model = pyfunc.load_model(tmp_path / "model")
    assert model.predict(["x"]) == ["XX"]
    assert model.predict(["x"], {"times": 3}) == ["XXX"]
    with pytest.raises(ModelError, match="parameter 'times' is 'often'"):
        model.predict(["x"], {"times": "often"})
    with pytest.warns(UserWarning, match="'speed'"):
        model.predict(["x"], {"speed": 1})
    assert isinstance(model.unwrap_python_model(), PythonModel)
    with pytest.raises(ModelError, match="with a pickle"):
        pyfunc.load_model(tmp_path / "model", safe=True)


def test_files_and_settings_come_with_the_model(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.txt").write_text(folder)

    class Reading(PythonModel):
        def load_context(self, context):
            from pathlib import Path

            self.found = [Path(context.artifacts[name]).read_text() for name in ("a", "b")]

        def predict(self, context, model_input, params=None):  # noqa: ARG002
            return [*self.found, context.model_config]

    artifacts = {name: tmp_path / name / "same.txt" for name in ("a", "b")}
    save_model(Reading(), tmp_path / "model", artifacts=artifacts, model_config={"x": 1, "y": 2})
    (tmp_path / "a" / "same.txt").write_text("changed")
    model = pyfunc.load_model(tmp_path / "model", model_config={"y": 3})
    assert model.predict([]) == ["a", "b", {"x": 1, "y": 3}]


def test_modules_that_come_with_a_model_may_be_missed_by_name(tmp_path, monkeypatch):
    source = tmp_path / "only_here.py"
    source.write_text("def twice(x):\n    return x * 2\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import only_here

    def double(model_input):
        return only_here.twice(model_input)

    save_model(double, tmp_path / "with", code_paths=[source])
    save_model(double, tmp_path / "without")
    source.unlink()
    monkeypatch.undo()
    monkeypatch.delitem(sys.modules, "only_here")
    with pytest.raises(MissingPackageError, match="needs only_here"):
        pyfunc.load_model(tmp_path / "without")
    assert pyfunc.load_model(tmp_path / "with").predict(2) == 4
    sys.path.remove(str(tmp_path / "with" / "code"))
    del sys.modules["only_here"]


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("x = 1\n", "makes no model"),
        ("raise ValueError('no')\n", "ValueError: no"),
    ],
)
def test_a_script_that_makes_no_model(tmp_path, script, says):
    (tmp_path / "model.py").write_text(script)
    with pytest.raises(ModelError, match=says):
        save_model(str(tmp_path / "model.py"), tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_settings_of_a_model_from_code(tmp_path):
    (tmp_path / "config.yaml").write_text("k: 3\n")
    config = fromcode.ModelConfig(development_config=tmp_path / "config.yaml")
    assert (config.get("k"), config.to_dict()) == (3, {"k": 3})
    with pytest.raises(UsageError, match="no 'z'"):
        config.get("z")
    with pytest.raises(UsageError, match="cannot read"):
        fromcode.ModelConfig(development_config=tmp_path / "none.yaml")
    (tmp_path / "config.yaml").write_text("- 1\n")
    with pytest.raises(UsageError, match="holds no settings"):
        fromcode.ModelConfig(development_config=tmp_path / "config.yaml")


@pytest.mark.parametrize("name", ["/etc/passwd", "../model.pkl", "link", ""])
def test_a_path_that_leads_out_of_a_python_model(tmp_path, name):
    save_model(Shouting(), tmp_path / "model")
    (tmp_path / "model" / "link").symlink_to(tmp_path)
    described = yaml.safe_load((tmp_path / "model" / "MLmodel").read_text())
    del described["digest"]
    for key in ("python_model", "code", "model_code_path"):
        function = {**described["flavors"]["python_function"], key: name or None}
        text = yaml.safe_dump({**described, "flavors": {"python_function": function}})
        (tmp_path / "model" / "MLmodel").write_text(text)
        if name or key == "python_model":
            with pytest.raises(ModelError, match="lies outside|is missing|no file name|cannot be"):
                pyfunc.load_model(tmp_path / "model")
