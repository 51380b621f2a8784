"""A conda environment solved and installed by py-rattler, in a process of its own.

It keeps threads that end the whole process when Python ends first.

    python rattling.py PREFIX CACHE '{"channels": [...], "packages": [...]}'
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any


async def install(prefix: str, cache: str, given: dict[str, list[str]]) -> None:
    """Make the environment, saying each step in a line."""
    import rattler

    _say(f"solving {' '.join(given['packages'])}")
    solved: Any = await rattler.solve(
        sources=given["channels"],
        specs=given["packages"],
        platforms=[rattler.Platform.current(), rattler.Platform("noarch")],
        virtual_packages=rattler.VirtualPackage.detect(),
    )
    _say(f"installing {len(solved)} packages")
    await rattler.install(solved, target_prefix=prefix, cache_dir=cache, show_progress=False)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        asyncio.run(install(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])))
    except Exception as error:  # noqa: BLE001 - its errors have no common root
        _say(str(error))
        os._exit(1)
    os._exit(0)
