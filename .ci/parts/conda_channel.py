"""Make a channel of conda packages without a download: this machine's Python, and its pip.

    python conda_channel.py FOLDER

The Python is made relocatable by a relative path to its libraries, so that no file of it has to be
rewritten where it is installed.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import venv
from pathlib import Path

VERSION = "{}.{}.{}".format(*sys.version_info[:3])
MINOR = "{}.{}".format(*sys.version_info[:2])
MACHINE = {"x86_64": "linux-64", "aarch64": "linux-aarch64"}
SUBDIR = MACHINE[sysconfig.get_platform().rpartition("-")[2]]
LEFT_OUT = ("site-packages", "dist-packages", "test", "__pycache__", "config-*", "idlelib", "*.a")


def python_tree(folder: Path) -> None:
    """Put a relocatable Python into an empty folder."""
    base = Path(sys.base_prefix)
    (folder / "bin").mkdir()
    program = folder / "bin" / f"python{MINOR}"
    shutil.copy2((base / "bin" / f"python{MINOR}").resolve(), program)
    for name in ("python", "python3"):
        (folder / "bin" / name).symlink_to(program.name)
    library = folder / "lib" / f"python{MINOR}"
    ignored = shutil.ignore_patterns(*LEFT_OUT, "EXTERNALLY-MANAGED")
    shutil.copytree(base / "lib" / f"python{MINOR}", library, ignore=ignored, symlinks=False)
    (library / "site-packages").mkdir()
    (library / "site-packages" / "README.txt").write_text("packages go here\n")
    for shared in base.glob("lib/libpython*.so*"):
        shutil.copy2(shared, folder / "lib", follow_symlinks=False)
    subprocess.run(["patchelf", "--set-rpath", "$ORIGIN/../lib", program], check=True)


def pip_tree(folder: Path) -> None:
    """Put pip, as it comes with Python, into an empty folder."""
    with tempfile.TemporaryDirectory() as scratch:
        venv.create(scratch, with_pip=True)
        for path in Path(scratch).glob("lib/python*/site-packages/pip*"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(path, folder / "site-packages" / path.name, ignore=ignored)


def pack(
    tree: Path, target: Path, index: dict[str, object], more: dict[str, object] | None = None
) -> dict[str, object]:
    """Write a folder as a package, and return its entry in the channel's list."""
    files = sorted(path for path in tree.rglob("*") if path.is_file() or path.is_symlink())
    entries = [
        {
            "_path": str(path.relative_to(tree)),
            "path_type": "softlink" if path.is_symlink() else "hardlink",
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "size_in_bytes": path.stat().st_size,
        }
        for path in files
    ]
    texts = {
        "info/index.json": json.dumps(index),
        "info/paths.json": json.dumps({"paths": entries, "paths_version": 1}),
        "info/files": "".join(f"{entry['_path']}\n" for entry in entries),
        **{name: json.dumps(value) for name, value in (more or {}).items()},
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(target, "w:bz2", compresslevel=1) as archive:
        for name, text in texts.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
        for path in files:
            archive.add(path, str(path.relative_to(tree)), recursive=False)
    data = target.read_bytes()
    return {**index, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}


def main(channel: Path) -> None:
    """Make the channel."""
    listed: dict[str, dict[str, object]] = {SUBDIR: {}, "noarch": {}}
    common = {"build_number": 0, "license": "x", "timestamp": 1700000000000}
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        python_tree(Path(first))
        name = f"python-{VERSION}-0_cpython.tar.bz2"
        index = {
            "name": "python", "version": VERSION, "build": "0_cpython", "depends": [],
            "subdir": SUBDIR, "python_site_packages_path": f"lib/python{MINOR}/site-packages",
        }  # fmt: skip
        listed[SUBDIR][name] = pack(Path(first), channel / SUBDIR / name, {**common, **index})
        pip_tree(Path(second))
        name = "pip-1.0-py_0.tar.bz2"
        index = {
            "name": "pip", "version": "1.0", "build": "py_0", "depends": ["python >=3.8"],
            "subdir": "noarch", "noarch": "python",
        }  # fmt: skip
        link = {"noarch": {"type": "python", "entry_points": []}, "package_metadata_version": 1}
        entry = pack(
            Path(second),
            channel / "noarch" / name,
            {**common, **index},
            {"info/link.json": link},
        )
        listed["noarch"][name] = entry
    for subdir, packages in listed.items():
        data = {"info": {"subdir": subdir}, "packages": packages, "packages.conda": {}}
        (channel / subdir / "repodata.json").write_text(json.dumps({**data, "repodata_version": 1}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
