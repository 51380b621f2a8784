"""The shape of the code: who may import whom, and how large a thing may grow."""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "gittrack"
LIMITS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["shape"]

# A module imports only from the rows above its own; siblings in a row do not import each other.
ROWS = (
    (
        "words",
        {
            "version",
            "errors",
            "paths",
            "secrets",
            "settings",
            "states",
        },
    ),
    (
        "doors",
        {
            "containers",
            "files",
            "markdown",
            "schema",
            "git",
            "notebook",
            "process",
            "standin",
            "svg",
            "turns",
            "yamlfile",
        },
    ),
    ("a run", {"runs"}),
    ("registry", {"registry"}),
    ("entities", {"entities"}),
    ("finding", {"search"}),
    (
        "things",
        {
            "artifactfiles",
            "environments",
            "models",
        },
    ),
    ("differences", {"compare"}),
    ("logging", {"picking", "tracking"}),
    (
        "uses",
        {
            "checkup",
            "committing",
            "exchange",
            "gates",
            "reports",
            "starting",
            "health",
            "projects",
            "serving",
            "ui",
            "engines",
            "tidying",
        },
    ),
    (
        "faces",
        {
            "__init__",
            "__main__",
            "artifacts",
            "binding",
            "cli",
            "client",
            "config",
            "data",
            "exceptions",
            "mlflow",
            "pyfunc",
            "sklearn",
            "system_metrics",
            "transformers",
            "statsmodels",
            "onnx",
            "keras",
            "tensorflow",
            "pytorch",
            "catboost",
            "lightgbm",
            "xgboost",
            "types",
        },
    ),
)
# The words build on each other: a setting is an error's cause, a path is a setting's value. The
# faces are one.
OPEN_ROWS = {"words", "faces"}

# Functions that carry MLflow's signature, whose callers count on every argument.
MLFLOW_SIGNATURES = {
    "gittrack.projects.running:run",
    "gittrack.tracking.client:log_metric",
}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_of(name: str) -> Iterator[str]:
    """Yield the modules of the package that a module imports when it runs, lazily or not."""
    for node in ast.walk(_without_typing(tree_of(MODULES[name]))):
        if isinstance(node, ast.Import):
            wanted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            wanted = [
                full if (full := f"{node.module}.{alias.name}") in MODULES else str(node.module)
                for alias in node.names
            ]
        else:
            continue
        yield from (target for target in wanted if target in MODULES and target != name)


def _without_typing(tree: ast.Module) -> ast.Module:
    class Drop(ast.NodeTransformer):
        def visit_If(self, node: ast.If) -> ast.AST | None:
            return None if "TYPE_CHECKING" in ast.unparse(node.test) else self.generic_visit(node)

    return Drop().visit(tree)


def top_of(name: str) -> str:
    return name.split(".")[1] if "." in name else "__init__"


def row_of(name: str) -> int:
    return next(number for number, (_, tops) in enumerate(ROWS) if top_of(name) in tops)


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    for name, path in MODULES.items():
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef):
                yield f"{name}:{node.name}", node


def test_every_module_stands_in_a_row() -> None:
    known = set().union(*(tops for _, tops in ROWS))
    assert {top_of(name) for name in MODULES} <= known


def test_the_rows_list_no_module_that_is_gone() -> None:
    known = set().union(*(tops for _, tops in ROWS))
    assert known <= {top_of(name) for name in MODULES}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_only_from_rows_above(name: str) -> None:
    row, top = row_of(name), top_of(name)
    for target in imports_of(name):
        same_open_row = row_of(target) == row and ROWS[row][0] in OPEN_ROWS
        assert row_of(target) < row or top_of(target) == top or same_open_row, (
            f"{name} imports {target}"
        )


def test_there_is_no_import_cycle() -> None:
    graph = {name: set(imports_of(name)) for name in MODULES}
    while leaves := [name for name, targets in graph.items() if not targets & graph.keys()]:
        for name in leaves:
            del graph[name]
    assert not graph, f"these import each other: {', '.join(sorted(graph))}"


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_no_longer_than_the_budget(name: str) -> None:
    assert len(MODULES[name].read_text().splitlines()) <= LIMITS["module-lines"]


def test_a_function_is_no_longer_than_the_budget() -> None:
    long = {
        name: length
        for name, node in functions()
        if (length := node.end_lineno - node.lineno + 1) > LIMITS["function-lines"]
    }
    assert not long


def test_a_function_has_no_more_branches_than_the_budget() -> None:
    knotty = {
        name: count for name, node in functions() if (count := branches(node)) > LIMITS["branches"]
    }
    assert not knotty


def test_a_function_has_no_more_parameters_than_the_budget() -> None:
    wide = {name for name, node in functions() if parameters(node) > LIMITS["parameters"]}
    commands = {name for name in wide if name.startswith("gittrack.cli.")}
    assert wide - commands == MLFLOW_SIGNATURES


def test_the_package_is_no_larger_than_the_budget() -> None:
    assert sum(code_lines(path) for path in MODULES.values()) <= LIMITS["code-lines"]


def test_only_settings_reads_the_environment() -> None:
    readers = {
        name
        for name, path in MODULES.items()
        if any(
            isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv"}
            for node in ast.walk(tree_of(path))
        )
    }
    assert readers == {"gittrack.settings"}


def test_errors_are_defined_in_one_module() -> None:
    homes = {
        name
        for name, path in MODULES.items()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ClassDef)
        if any(ast.unparse(base).endswith(("Error", "Exception")) for base in node.bases)
    }
    assert homes == {"gittrack.errors"}


def test_all_names_of_the_package_are_listed_sorted_and_there() -> None:
    import gittrack

    assert gittrack.__all__ == sorted(gittrack.__all__)
    assert set(gittrack.__all__) == set(gittrack._HOMES)
    assert all(getattr(gittrack, name) is not None for name in gittrack.__all__)


def branches(function: ast.FunctionDef) -> int:
    total, stack = 1, list(ast.iter_child_nodes(function))
    while stack:
        node = stack.pop()
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            continue
        stack.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.BoolOp):
            total += len(node.values) - 1
        elif isinstance(node, ast.comprehension):
            total += len(node.ifs)
        else:
            total += isinstance(
                node, (ast.If, ast.IfExp, ast.For, ast.While, ast.ExceptHandler, ast.match_case)
            )
    return total


def parameters(function: ast.FunctionDef) -> int:
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    own = named[1:] if named and named[0].arg in {"self", "cls"} else named
    return len(own) + (given.vararg is not None) + (given.kwarg is not None)


def code_lines(path: Path) -> int:
    source = path.read_text(encoding="utf-8")
    layout = {
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
        tokenize.COMMENT,
    }
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in layout:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(tree_of(path)):
        holder = isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        if holder and ast.get_docstring(node, clean=False) is not None:
            text = node.body[0]
            lines.difference_update(range(text.lineno, text.end_lineno + 1))
    return len(lines)
