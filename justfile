# show what there is
default:
    @just --list

# a virtual environment in .venv with all that the work needs
setup:
    python3 -m venv .venv
    .venv/bin/pip install -q -e '.[models,dev]'

# lint, types and the shape of the code
check:
    .venv/bin/ruff format --check .
    .venv/bin/ruff check .
    .venv/bin/mypy
    .venv/bin/pytest -q tests/test_shape.py

# all tests, warnings as errors
test *ARGS:
    .venv/bin/pytest {{ ARGS }}

# how fast the main parts are, as ratios against a raw loop and against the peers
bench *PARTS:
    env -u PYTHONDONTWRITEBYTECODE .venv/bin/python -m tests.bench {{ PARTS }}

# what the README says, executed word by word in clean environments
docs:
    .venv/bin/pytest -q tests/test_readme.py
