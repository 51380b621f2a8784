"""What each engine makes of files: run by test_batch.py in the environment of the engines."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import models
import pandas as pd

from gittrack.engines import batch


def refused(work):
    try:
        return ["nothing", str(work())]
    except Exception as error:
        return [type(error).__name__, str(error).splitlines()[0]]


def read(kind, folder):
    readers = {
        "csv": pd.read_csv,
        "jsonl": lambda path: pd.read_json(path, lines=True),
        "parquet": pd.read_parquet,
    }
    parts = [
        path for path in Path(folder).iterdir() if path.name[0] not in "._" and path.stat().st_size
    ]
    return pd.concat(map(readers[kind], parts)).sort_values("a").reset_index(drop=True)


def main() -> None:
    engine = sys.argv[1]
    models.save_all()
    for part in (0, 1):
        rows = models.TABLE[part::2]
        for kind in ("csv", "jsonl", "parquet"):
            Path(f"in-{kind}").mkdir(exist_ok=True)
        rows.to_csv(f"in-csv/{part}.csv", index=False)
        rows.to_json(f"in-jsonl/{part}.json", orient="records", lines=True)
        rows.to_parquet(f"in-parquet/{part}.parquet", index=False)
    found: dict[str, object] = {}
    for kind in ("csv", "jsonl", "parquet"):
        source, target = Path(f"in-{kind}"), Path(f"out-{kind}")
        batch.score(engine, Path("linear"), source, target, kind=kind)
        scored = read(kind, target)
        found[kind] = [scored.columns.tolist(), scored["prediction"].tolist()]
    command = ["predict", "linear", "-i", "in-csv", "-o", "by-command", "--engine", engine]
    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "gittrack", *command],
        check=True,
        capture_output=True,
        text=True,
    )
    found["by command"] = read("csv", "by-command")["prediction"].tolist()
    found["said"] = said.stderr.splitlines()[-1]
    one = Path("in-csv/0.csv")
    found["there"] = refused(
        lambda: batch.score(engine, Path("linear"), one, Path("out-csv"), kind="csv")
    )
    found["fails"] = refused(
        lambda: batch.score(engine, Path("picky"), Path("in-csv"), Path("out"), kind="csv")
    )
    shutil.rmtree("out", ignore_errors=True)
    Path("bad.csv").write_text("a,c\n1,2\n")
    found["column"] = refused(
        lambda: batch.score(engine, Path("linear"), Path("bad.csv"), Path("out"), kind="csv")
    )
    found["none"] = refused(
        lambda: batch.score(engine, Path("linear"), Path("no.csv"), Path("out"), kind="csv")
    )
    found["left"] = Path("out").exists()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
