"""What starting costs: the writing path needs nothing but the standard library."""

from __future__ import annotations

from sklearn.dummy import DummyClassifier

from gittrack.models.saving import save_model
from tests.conftest import make_repository, python

WRITING = """
import sys
before = set(sys.modules)
import gittrack
with gittrack.start_run() as run:
    gittrack.log_param("alpha", 0.5)
    gittrack.log_metric("loss", 0.25, step=1)
    gittrack.set_tag("team", "a")
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(loaded - set(sys.stdlib_module_names) - {"gittrack"}))
"""


def test_writing_a_run_loads_only_the_standard_library(isolated):
    make_repository(isolated, {"lib.py": "x = 1\n"})
    assert python(WRITING, cwd=isolated).stdout == "[]\n"


def test_importing_the_package_loads_none_of_its_modules_but_the_version():
    script = "import sys, gittrack; print([n for n in sys.modules if n.startswith('gittrack.')])"
    assert python(script).stdout == "['gittrack.version']\n"


LOADING = """
import sys, gittrack
print(gittrack.sklearn.load_model(sys.argv[1]), gittrack.load_model(sys.argv[1]))
ours = {name for name in sys.modules if name.startswith("gittrack.")}
unwanted = "tracking.active", "runs.writer", "entities", "registry", "git", "models.flavors.keras"
print(sorted(ours & {f"gittrack.{name}" for name in unwanted}))
"""


def test_loading_a_model_from_a_path_loads_nothing_that_logs(tmp_path):
    save_model(DummyClassifier(), tmp_path / "m")
    assert (
        python(LOADING, str(tmp_path / "m")).stdout == "DummyClassifier() DummyClassifier()\n[]\n"
    )
