"""Every flavor with its real library, in fresh processes, and both ways with the real MLflow.

For each model three processes: one makes and saves it here; one loads it with the real MLflow,
where gittrack cannot be imported, and saves it again with MLflow's own call; one loads both, where
MLflow cannot be imported.
"""

from __future__ import annotations

import os
import subprocess
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
    argument: str = ""


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
        argument="sk_model",
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
        argument="sk_model",
    ),
    "xgboost-classifier": Case(
        "xgboost",
        TABLE
        + "import xgboost\n"
        + "model = xgboost.XGBClassifier(n_estimators=3, min_child_weight=0).fit(data, target)\n"
        + "answer = model.predict(data)",
        own="safe",
        argument="xgb_model",
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
        argument="xgb_model",
    ),
    "lightgbm-classifier": Case(
        "lightgbm",
        TABLE
        + "import lightgbm\n"
        + "model = lightgbm.LGBMClassifier(n_estimators=3, min_child_samples=1, verbose=-1)\n"
        + "model.fit(data, target); answer = model.predict(data)",
        argument="lgb_model",
    ),
    "lightgbm-booster": Case(
        "lightgbm",
        TABLE
        + "import lightgbm\n"
        + "rules = {'objective': 'binary', 'min_data_in_leaf': 1, 'verbose': -1}\n"
        + "model = lightgbm.train(rules, lightgbm.Dataset(data, target), 3)\n"
        + "answer = model.predict(data)",
        own="safe",
        argument="lgb_model",
    ),
    "catboost": Case(
        "catboost",
        TABLE
        + "import catboost\n"
        + "rules = {'iterations': 3, 'verbose': 0, 'allow_writing_files': False}\n"
        + "model = catboost.CatBoostClassifier(**rules)\n"
        + "model.fit(data, target); answer = model.predict(data)",
        own="safe",
        argument="cb_model",
    ),
    "statsmodels": Case(
        "statsmodels",
        TABLE
        + "import statsmodels.api as sm\n"
        + "model = sm.OLS(target, data).fit(); answer = model.predict(data)",
        argument="statsmodels_model",
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
        argument="onnx_model",
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
        argument="pytorch_model",
    ),
    "pytorch-exported": Case(
        "pytorch",
        "import torch, numpy as np\n"
        "torch.manual_seed(1); model = torch.nn.Linear(2, 1)\n"
        "data = np.array([[1, 2], [3, 4], [5, 6]], dtype=np.float32)\n"
        "answer = model(torch.from_numpy(data)).detach().numpy()",
        own="serialization_format='pt2', input_example=data[:2]",
        theirs="serialization_format='pt2', input_example=data[:2]",
        argument="pytorch_model",
    ),
    "transformers": Case("transformers", BERT, own="safe", argument="transformers_model"),
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

SHOW = """
import json
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
"""
BLOCK = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {name!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Block())
"""
SAVE = """
import gittrack.{flavor}
gittrack.{flavor}.save_model(model, "ours"{own})
gittrack.save_model(model, "found"{own})
print("ANSWER", json.dumps(show(answer)))
"""
MLFLOW = """
import os, warnings, logging
warnings.simplefilter("ignore"); logging.disable(logging.ERROR)
os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
import mlflow.pyfunc, mlflow.{flavor}
print("ANSWER", json.dumps(show(mlflow.pyfunc.load_model("ours").predict(data))))
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
    print("ANSWER", json.dumps(show(gittrack.pyfunc.load_model(name, safe=safe).predict(data))))
"""


def run(environment, script, folder):
    variables = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [parts.environment(environment), "-c", script],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=variables,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [line for line in done.stdout.splitlines() if line.startswith("ANSWER")]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.needs(f"env:{case.environment}"))
        for name, case in CASES.items()
    ],
)
def test_a_model_goes_there_and_back(tmp_path, name):
    case = CASES[name]
    safe, own = case.own.endswith("safe"), case.own.removesuffix("safe").strip(", ")
    more = f", {own}" if own else ""
    made = SHOW + case.make
    saved = run(case.environment, made + SAVE.format(flavor=case.flavor, own=more), tmp_path)
    theirs = f", {case.theirs}" if case.theirs else ""
    exported = "exported" in name or "module" in name
    script = MLFLOW.format(flavor=case.flavor, theirs=theirs, exported=exported)
    there = run(case.environment, BLOCK.format(name="gittrack") + made + script, tmp_path)
    script = LOAD.format(flavor=case.flavor, safe=safe)
    back = run(case.environment, BLOCK.format(name="mlflow") + made + script, tmp_path)
    assert there == saved
    assert back == saved * 3
