"""What starting costs: the writing path needs nothing but the standard library."""

from __future__ import annotations

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
