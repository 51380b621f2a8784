"""A container image that serves one model: `serve` on PATH, port 8080, nobody's rights.

As SageMaker wants it: `docker run IMAGE serve`, the model under /opt/ml/model, /ping and
/invocations.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from gittrack import containers, settings
from gittrack.errors import UsageError
from gittrack.serving import surroundings, wheel

if TYPE_CHECKING:
    from collections.abc import Callable

PORT = 8080
MODEL = "/opt/ml/model"

# How this machine's pip is told where packages are; not kept in the image.
_TOLD = ("INDEX_URL", "EXTRA_INDEX_URL", "FIND_LINKS", "TRUSTED_HOST", "DEFAULT_TIMEOUT")
_PIP = tuple(f"PIP_{name}" for name in _TOLD)

_DOCKERFILE = Template("""\
# Serves a model with gittrack: docker build -t NAME . && docker run -p 8080:$port NAME
FROM $base AS build
$arguments
ENV PYTHONUSERBASE=/opt/gittrack PIP_BREAK_SYSTEM_PACKAGES=1 PIP_NO_CACHE_DIR=1
COPY requirements.txt $wheel certificates.pem /build/
RUN if [ -s /build/certificates.pem ]; then export PIP_CERT=/build/certificates.pem; fi; \\
 python3 -m pip install --user -r /build/requirements.txt /build/$wheel

FROM $base
COPY --from=build /opt/gittrack /opt/gittrack
COPY serve /usr/local/bin/serve
RUN chmod 755 /usr/local/bin/serve && mkdir -p /home/gittrack /opt/ml \\
 && chown 10001:10001 /home/gittrack \\
 && echo "gittrack:x:10001:10001::/home/gittrack:/bin/sh" >> /etc/passwd
COPY --chown=10001:10001 model $model
ENV PYTHONUSERBASE=/opt/gittrack PATH=/opt/gittrack/bin:$$PATH HOME=/home/gittrack
USER 10001:10001
WORKDIR /home/gittrack
EXPOSE $port
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python3", "-c", \\
  "import urllib.request; urllib.request.urlopen('http://127.0.0.1:$port/ping', timeout=4)"]
CMD ["serve"]
""")
_SERVE = f"""\
#!/bin/sh
# More options may follow: docker run IMAGE serve --workers 4
exec python3 -m gittrack serve {MODEL} --host 0.0.0.0 --port {PORT} "$@"
"""


def generate(folder: Path, context: Path, *, base: str | None = None) -> Path:
    """Fill a folder with all that `docker build` needs for a model, and return its Dockerfile.

    Args:
        base: the image to begin with; the slim Python of the model's version where not given.

    Raises:
        UsageError: `context` holds something else already, or `base` is no name of an image.
    """
    base = _base_of(folder, base)
    if context.is_dir() and any(context.iterdir()):
        raise UsageError(f"{context} is not empty", hint="name a new folder with -d")
    context.mkdir(parents=True, exist_ok=True)
    # A link that leads out of the model's folder has no meaning in an image.
    shutil.copytree(folder, context / "model", symlinks=True)
    packed = wheel.pack(context)
    lines = "".join(f"{line}\n" for line in surroundings.needed(folder))
    (context / "requirements.txt").write_text(lines, encoding="utf-8")
    # Whom pip trusts, where that is not the base image's own list; only the build sees it.
    (context / "certificates.pem").touch()
    (context / "serve").write_text(_SERVE, encoding="utf-8")
    text = _DOCKERFILE.substitute(
        base=base,
        arguments="\n".join(f"ARG {name}" for name in _PIP),
        wheel=packed.name,
        model=MODEL,
        port=PORT,
    )
    dockerfile = context / "Dockerfile"
    dockerfile.write_text(text, encoding="utf-8")
    return dockerfile


def build(
    folder: Path,
    name: str,
    *,
    base: str | None = None,
    say: Callable[[str], None] = lambda _: None,
    log: Callable[[str], None] = lambda _: None,
) -> str:
    """Build the image of a model, and return its id.

    Args:
        say: told in words what takes long.
        log: given each line that the engine writes.

    Raises:
        UsageError: `name` or `base` is no name of an image.
        NotFoundError: there is no such base image.
        ToolError: a step fails, or no engine answers.
    """
    base = _base_of(folder, base)
    containers.check_tag(name)
    containers.ensure_image(base, say=say)
    ours = settings.child_environment({})
    arguments = {key: ours[key] for key in _PIP if ours.get(key)}
    with tempfile.TemporaryDirectory(prefix="gittrack-") as made:
        context = Path(made) / "context"
        generate(folder, context, base=base)
        trusted = Path(ours.get("PIP_CERT") or ours.get("REQUESTS_CA_BUNDLE", ""))
        if trusted.is_file():
            shutil.copyfile(trusted, context / "certificates.pem")
        return containers.build(context, tag=name, arguments=arguments, log=log)


def _base_of(folder: Path, given: str | None) -> str:
    if given is not None and not containers.is_image_name(given):
        raise UsageError(f"{given!r} is no name of an image", hint="such as python:3.12")
    return given or f"python:{surroundings.python_of(folder)}-slim"
