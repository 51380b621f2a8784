"""Runs that show everything a page can show, and what hostile hands may have put in."""

from __future__ import annotations

import json
import math
import struct
import subprocess
import zlib
from pathlib import Path
from typing import Any

from gittrack.runs import edits
from gittrack.runs.edits import Edit
from gittrack.runs.reading import StoredRun
from gittrack.runs.store import Store
from tests.making import START, write_run

HOSTILE = "<img src=x onerror=alert(1)>"
NOTE = (
    "**Good** run, see <b>below</b>\n\n![far](http://example.org/x.png) [bad](javascript:alert(1))"
)
PATCH = """\
diff --git a/train.py b/train.py
--- a/train.py
+++ b/train.py
@@ -1,2 +1,2 @@
-lr = 0.1
+lr = 0.2
 print(lr)
"""
MLMODEL = """\
artifact_path: model
flavors:
  python_function:
    loader_module: gittrack.sklearn
  sklearn:
    sklearn_version: 1.7.2
run_id: best000000
signature:
  inputs: '[{"type": "double", "name": "sepal", "required": true}]'
  outputs: '[{"type": "long", "required": true}]'
"""
SOURCE = {
    "command": "python train.py --alpha 0.5",
    "git": {
        "commit": "5e0c" * 10,
        "branch": "main",
        "remote": "https://example.org/wine.git",
        "dirty": True,
    },
}


def png(colour: tuple[int, int, int]) -> bytes:
    """Return a picture of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    rows = (b"\0" + bytes(colour) * 8) * 8
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def pdf(text: str) -> bytes:
    """Return a document of one page with a line of text."""
    shown = f"BT /F1 24 Tf 40 100 Td ({text}) Tj ET"
    font = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    page = f"/MediaBox[0 0 300 200]/Contents 4 0 R/Resources<</Font<</F1{font}>>>>"
    objects = (
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        f"<</Type/Page/Parent 2 0 R{page}>>",
        f"<</Length {len(shown)}>>stream\n{shown}\nendstream",
    )
    document, table = "%PDF-1.4\n", "0000000000 65535 f \n"
    for number, content in enumerate(objects, 1):
        table += f"{len(document):010d} 00000 n \n"
        document += f"{number} 0 obj{content} endobj\n"
    trailer = f"trailer<</Size 5/Root 1 0 R>>\nstartxref\n{len(document)}\n%%EOF\n"
    return f"{document}xref\n0 5\n{table}{trailer}".encode()


def curve(count: int, scale: float, *, names: tuple[str, ...] = ("loss", "accuracy")) -> str:
    """Return a metrics file: a loss that falls and an accuracy that rises."""
    lines = []
    for step in range(count):
        fall = math.exp(-step * scale) + 0.01 * (step % 3)
        values = dict(zip(names, (fall, 1 - fall / 2), strict=True))
        lines.append({"step": step, "time": START + step * 1000, "metrics": values})
    return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)


def system(count: int) -> str:
    """Return a file of system metrics."""
    lines = [
        {"step": i, "time": START + i * 1000, "metrics": {"system/cpu_percent": 50.0 + i}}
        for i in range(count)
    ]
    return "".join(json.dumps(line) + "\n" for line in lines)


def fill(store: Store) -> None:
    """Write the runs."""
    _best(store)
    for number, alpha in enumerate((1.0, 0.1, 0.01)):
        _plain(
            store,
            f"wine00000{number}",
            number=number,
            params={"alpha": alpha, "solver": "saga" if number else "lbfgs", "seed": 1},
        )
    for number in range(2):
        write_run(
            store,
            f"child0000{number}",
            name=f"fold-{number}",
            parent="best000000",
            start_time=START + 500_000 + number,
            params={"fold": number},
            metrics={"loss": 0.2 + number / 10},
        )
    write_run(
        store,
        "hostile000",
        name=HOSTILE,
        experiment=HOSTILE,
        start_time=START - 1_000_000,
        params={HOSTILE: "</script><script>alert(1)</script>", "formula": "=1+1"},
        metrics={HOSTILE: float("nan"), "loss": float("inf")},
        tags={"note": HOSTILE},
        files={f"artifacts/{HOSTILE.replace('/', '')}.txt": HOSTILE, "artifacts/a b#c?.txt": "ok"},
    )
    gone = _plain(store, "gone000000", number=9, params={"alpha": 5.0})
    edits.write(gone.folder, Edit(deleted=True))


def _best(store: Store) -> None:
    run = write_run(
        store,
        "best000000",
        name="brave-otter",
        start_time=START + 400_000,
        params={"alpha": 0.5, "solver": "saga", "seed": 1},
        tags={"team": "a"},
        source=SOURCE,
        python="3.11.7",
        platform="Linux-x86_64",
        user="Ana",
        inputs=({"name": "wine.csv", "digest": "sha256:5e0c", "context": "training"},),
        files={
            "metrics.jsonl": curve(2000, 0.004),
            "system.jsonl": system(20),
            "source.patch": PATCH,
            "requirements.txt": "numpy==2.4.0\npandas==3.1.0\n",
            "output.log": "epoch 1\r\x1b[32mepoch 2\x1b[0m\ndone\n",
            "artifacts/plots/loss.png": png((40, 100, 200)),
            "artifacts/plots/curve.pdf": pdf("a curve"),
            "artifacts/plots/page.html": "<p id=p>static</p><script>p.textContent='ran'</script>",
            "artifacts/report.md": f"# Report\n\n{NOTE}\n",
            "artifacts/data/table.csv": "name,value\nx,1\n<b>,2\n",
            "artifacts/conf.json": '{"a": [1, {"b": null}]}',
            "artifacts/train.py": "import os\nprint('<hi>')\n",
            "artifacts/weights.bin": b"\0\1\2",
            "artifacts/model/MLmodel": MLMODEL,
            "artifacts/model/requirements.txt": "scikit-learn==1.7.2\n",
            "artifacts/model/model.pkl": b"\0pickle",
        },
    )
    edits.write(run.folder, Edit(note=NOTE))


def _plain(store: Store, run_id: str, *, number: int, params: dict[str, Any]) -> StoredRun:
    return write_run(
        store,
        run_id,
        name=f"plain-{number}",
        start_time=START + number * 60_000,
        params=params,
        tags={"team": "b"},
        source={**SOURCE, "git": {**SOURCE["git"], "dirty": False}},
        files={
            "metrics.jsonl": curve(40 + number, 0.05 * (number + 1)),
            "artifacts/plots/loss.png": png((200, 100, 40 + number)),
        },
    )


def commit(folder: Path, message: str) -> None:
    """Make a folder a Git repository where it is none, and commit all that is in it."""
    for command in (
        ["init", "-q", "-b", "main"],
        ["add", "-A"],
        ["-c", "user.name=Ana", "-c", "user.email=ana@example.org", "commit", "-qm", message],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True)
