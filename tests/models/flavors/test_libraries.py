"""Every flavor with its real library, in fresh processes, and both ways with the real MLflow.

Three processes for all models of an environment, since its libraries take long to import: one makes
and saves them here; one loads them with the real MLflow, where gittrack cannot be imported, and
saves them again with MLflow's own call; one loads both, where MLflow cannot be imported.
"""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from typing import NamedTuple

import pytest

from tests import parts


class Case(NamedTuple):
    """How a model is made, as Python that leaves `model`, `data` and `answer`.

    `own` are further arguments of save_model here, `theirs` those of MLflow's.
    """

    flavor: str
    make: str
    own: str = ""
    theirs: str = ""
    environment: str = "flavors"


TABLE = """
import numpy as np, pandas as pd
data = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], "n": [1.0, 0.0, 1.0, 0.0, 1.0, 0.0]})
target = np.array([0, 0, 0, 1, 1, 1])
"""
BERT = """
import transformers
transformers.logging.disable_progress_bar()
words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad"]
tokenizer = transformers.BertTokenizer(vocab={word: at for at, word in enumerate(words)})
transformers.set_seed(1)
config = transformers.BertConfig(vocab_size=7, hidden_size=8, num_hidden_layers=1,
                                 num_attention_heads=2, intermediate_size=8)
network = transformers.BertForSequenceClassification(config).eval()
model = transformers.pipeline("text-classification", model=network, tokenizer=tokenizer)
data = ["good good", "bad"]
answer = [[one["label"], round(one["score"], 5)] for one in model(data)]
"""
CASES = {
    "sklearn-cloudpickle": Case(
        "sklearn",
        TABLE
        + "from sklearn.linear_model import LogisticRegression\n"
        + "model = LogisticRegression().fit(data, target); answer = model.predict(data)",
        theirs="serialization_format='cloudpickle'",
    ),
    "sklearn-skops": Case(
        "sklearn",
        TABLE
        + "from sklearn.pipeline import make_pipeline\n"
        + "from sklearn.preprocessing import StandardScaler\n"
        + "from sklearn.linear_model import LogisticRegression\n"
        + "model = make_pipeline(StandardScaler(), LogisticRegression()).fit(data, target)\n"
        + "answer = model.predict(data)",
        own="serialization_format='skops', safe",
    ),
    "xgboost-classifier": Case(
        "xgboost",
        TABLE
        + "import xgboost\n"
        + "model = xgboost.XGBClassifier(n_estimators=3, min_child_weight=0).fit(data, target)\n"
        + "answer = model.predict(data)",
        own="safe",
    ),
    "xgboost-booster": Case(
        "xgboost",
        TABLE
        + "import xgboost\n"
        + "table = xgboost.DMatrix(data, target)\n"
        + "rules = {'objective': 'binary:logistic', 'min_child_weight': 0}\n"
        + "model = xgboost.train(rules, table, 3)\n"
        + "answer = model.predict(table)",
        own="model_format='json', safe",
    ),
    "lightgbm-classifier": Case(
        "lightgbm",
        TABLE
        + "import lightgbm\n"
        + "model = lightgbm.LGBMClassifier(n_estimators=3, min_child_samples=1, verbose=-1)\n"
        + "model.fit(data, target); answer = model.predict(data)",
    ),
    "lightgbm-booster": Case(
        "lightgbm",
        TABLE
        + "import lightgbm\n"
        + "rules = {'objective': 'binary', 'min_data_in_leaf': 1, 'verbose': -1}\n"
        + "model = lightgbm.train(rules, lightgbm.Dataset(data, target), 3)\n"
        + "answer = model.predict(data)",
        own="safe",
    ),
    "catboost": Case(
        "catboost",
        TABLE
        + "import catboost\n"
        + "rules = {'iterations': 3, 'verbose': 0, 'allow_writing_files': False}\n"
        + "model = catboost.CatBoostClassifier(**rules)\n"
        + "model.fit(data, target); answer = model.predict(data)",
        own="safe",
    ),
    "statsmodels": Case(
        "statsmodels",
        TABLE
        + "import statsmodels.api as sm\n"
        + "model = sm.OLS(target, data).fit(); answer = model.predict(data)",
    ),
    "onnx": Case(
        "onnx",
        TABLE
        + "from sklearn.linear_model import LinearRegression\n"
        + "from skl2onnx import to_onnx\n"
        + "data = data.to_numpy(np.float32); line = LinearRegression().fit(data, target)\n"
        + "model = to_onnx(line, data[:1])\n"
        + "answer = {'variable': line.predict(data).reshape(-1, 1)}",
        own="safe",
    ),
    "pytorch": Case(
        "pytorch",
        "import torch, numpy as np\n"
        "class Net(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__(); self.line = torch.nn.Linear(2, 1)\n"
        "    def forward(self, x):\n"
        "        return torch.relu(self.line(x)) + 1\n"
        "torch.manual_seed(1); model = Net()\n"
        "data = np.array([[1, 2], [3, 4], [5, 6]], dtype=np.float32)\n"
        "answer = model(torch.from_numpy(data)).detach().numpy()",
        theirs="serialization_format='pickle'",
    ),
    "pytorch-exported": Case(
        "pytorch",
        "import torch, numpy as np\n"
        "torch.manual_seed(1); model = torch.nn.Linear(2, 1)\n"
        "data = np.array([[1, 2], [3, 4], [5, 6]], dtype=np.float32)\n"
        "answer = model(torch.from_numpy(data)).detach().numpy()",
        own="serialization_format='pt2', input_example=data[:2]",
        theirs="serialization_format='pt2', input_example=data[:2]",
    ),
    "transformers": Case("transformers", BERT, own="safe"),
    "keras": Case(
        "keras",
        "import keras, numpy as np\n"
        "keras.utils.set_random_seed(1)\n"
        "model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])\n"
        "data = np.array([[1.0, 2.0], [3.0, 4.0]], dtype='float32')\n"
        "answer = model.predict(data, verbose=0)",
        own="safe",
        environment="tensorflow",
    ),
    "tensorflow-keras": Case(
        "tensorflow",
        "import tensorflow as tf, numpy as np\n"
        "tf.keras.utils.set_random_seed(1)\n"
        "model = tf.keras.Sequential([tf.keras.Input((2,)), tf.keras.layers.Dense(1)])\n"
        "data = np.array([[1.0, 2.0], [3.0, 4.0]], dtype='float32')\n"
        "answer = model.predict(data, verbose=0)",
        environment="tensorflow",
    ),
    "tensorflow-module": Case(
        "tensorflow",
        "import tensorflow as tf, numpy as np\n"
        "class Double(tf.Module):\n"
        "    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32)])\n"
        "    def __call__(self, x):\n"
        "        return x * 2\n"
        "model = Double()\n"
        "data = np.array([[1.0, 2.0], [3.0, 4.0]], dtype='float32'); answer = data * 2",
        environment="tensorflow",
    ),
}

ALL = """
import json, os, sys, traceback
def show(value):
    if hasattr(value, "to_numpy"):
        value = value.to_numpy()
    if isinstance(value, dict):
        return {key: show(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [show(item) for item in value]
    return round(value, 4) if isinstance(value, float) else value
def tell(value):
    told.append(show(value))
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == sys.argv[1]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Block())
results = {}
for case, code in json.load(sys.stdin).items():
    told, error = [], ""
    os.makedirs(case, exist_ok=True)
    os.chdir(case)
    try:
        exec(compile(code, case, "exec"))
    except Exception:
        error = traceback.format_exc()
    os.chdir("..")
    results[case] = [told, error]
print("RESULTS", json.dumps(results))
"""
SAVE = """
import gittrack.{flavor}
gittrack.{flavor}.save_model(model, "ours"{own})
gittrack.save_model(model, "found"{own})
tell(answer)
"""
MLFLOW = """
import os, warnings, logging
warnings.simplefilter("ignore"); logging.disable(logging.ERROR)
os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
import mlflow.pyfunc, mlflow.{flavor}
tell(mlflow.pyfunc.load_model("ours").predict(data))
loaded = mlflow.{flavor}.load_model("ours")
assert type(loaded).__name__ == type(model).__name__ or {exported}, type(loaded)
mlflow.{flavor}.save_model(model, path="theirs", pip_requirements=[]{theirs})
"""
LOAD = """
import warnings; warnings.simplefilter("ignore")
import gittrack, gittrack.pyfunc
from gittrack.models import mlmodel
from pathlib import Path
assert "mlflow" not in sys.modules
for name in ("ours", "found", "theirs"):
    assert {flavor!r} in mlmodel.read(Path(name)).flavors or {flavor!r} == "tensorflow", name
    safe = {safe} and name != "theirs"
    gittrack.load_model(name, safe=safe)
    tell(gittrack.pyfunc.load_model(name, safe=safe).predict(data))
"""


class Scripts(NamedTuple):
    """What is run of a case, one after another; in each but the first one package is blocked."""

    saving: str
    mlflow: str
    loading: str


def scripts(name: str, case: Case) -> Scripts:
    safe, own = case.own.endswith("safe"), case.own.removesuffix("safe").strip(", ")
    exported = "exported" in name or "module" in name
    theirs = f", {case.theirs}" if case.theirs else ""
    return Scripts(
        case.make + SAVE.format(flavor=case.flavor, own=f", {own}" if own else ""),
        case.make + MLFLOW.format(flavor=case.flavor, theirs=theirs, exported=exported),
        case.make + LOAD.format(flavor=case.flavor, safe=safe),
    )


def run(environment, codes, folder, *, blocked):
    """Run a script for each case in one process, and return what each told, and its error."""
    variables = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [parts.environment(environment), "-c", ALL, blocked],
        input=json.dumps(codes),
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=variables,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.rpartition("RESULTS ")[2])


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What the three processes of an environment told of each case; run when first asked for."""

    @cache
    def of(environment):
        there = {
            name: scripts(name, case)
            for name, case in CASES.items()
            if case.environment == environment
        }
        folder = tmp_path_factory.mktemp(environment)
        return [
            run(
                environment,
                {name: getattr(found, kind) for name, found in there.items()},
                folder,
                blocked=blocked,
            )
            for kind, blocked in (("saving", "-"), ("mlflow", "gittrack"), ("loading", "mlflow"))
        ]

    return of


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=[
                pytest.mark.needs(f"env:{case.environment}"),
                pytest.mark.xdist_group(f"libraries-{case.environment}"),
            ],
        )
        for name, case in CASES.items()
    ],
)
def test_a_model_goes_there_and_back(results, name):
    (saved, in_mlflow, back) = (found[name] for found in results(CASES[name].environment))
    assert [saved[1], in_mlflow[1], back[1]] == ["", "", ""]
    assert len(saved[0]) == 1
    assert in_mlflow[0] == saved[0]
    assert back[0] == saved[0] * 3
