"""What `import mlflow` finds in a child process of one where gittrack stands in for MLflow."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

if find_spec("gittrack") is None:  # it may have been found in a folder that is not installed
    sys.path.append(str(Path(__file__).parents[3]))

from gittrack.standin import install_as_mlflow

del sys.modules[__name__]
install_as_mlflow()
