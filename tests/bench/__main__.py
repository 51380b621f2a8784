"""How fast the main parts are, each beside what it has to be measured against, in one run.

    just bench [PART...]

Every other module of this folder is a part, with a function `main` that measures in the empty
folder it is called in; `on_….py` are scripts that a part runs in another environment. Absolute
times differ from machine to machine and from minute to minute; the ratios are what counts.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).parent
PARTS = sorted(
    path.stem
    for path in HERE.glob("*.py")
    if path.stem not in {"__init__", "__main__", "measuring"} and not path.stem.startswith("on_")
)


def main() -> None:
    chosen = sys.argv[1:] or PARTS
    if unknown := sorted(set(chosen) - set(PARTS)):
        raise SystemExit(f"no part {', '.join(unknown)}; there are: {', '.join(PARTS)}")
    os.environ["PYTHONPATH"] = str(HERE.parent.parent)
    for part in chosen:
        print(f"\n== {part}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            subprocess.run(["git", "init", "-q"], check=True)
            import_module(f"tests.bench.{part}").main()
            os.chdir(HERE)


if __name__ == "__main__":
    main()
