"""Docker, and the one owner of its SDK: images found, pulled and built, containers run and removed.

Whether an image that is not here may be pulled is a setting (`GITTRACK_DOCKER_PULL`).
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gittrack import settings
from gittrack.errors import MissingPackageError, NotFoundError, ToolError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from docker import DockerClient
    from docker.models.containers import Container as SdkContainer

_LAST_LINES = 20
_STOP_SECONDS = 10


@dataclass(frozen=True)
class Mount:
    """A folder or file of this machine in a container, under the same path unless `target` is set.

    Docker would make what is not there, and root would own it: mount what exists.
    """

    source: Path
    target: str = ""
    read_only: bool = False

    def __str__(self) -> str:
        mode = "ro" if self.read_only else "rw"
        return f"{self.source}:{self.target or self.source}:{mode}"


class Container:
    """A container that runs in the background; see `started`."""

    def __init__(self, container: SdkContainer) -> None:
        self._container = container
        self.id = str(container.id)

    def port(self, inside: int) -> int:
        """Return the port of this machine that leads to a published one of the container.

        Raises:
            ToolError: the container has ended.
        """
        self._container.reload()
        bound = self._container.ports.get(f"{inside}/tcp")
        if not bound:
            raise ToolError(f"the container has ended: {self.logs().strip()[-2000:]}")
        return int(bound[0]["HostPort"])

    def logs(self) -> str:
        """Return all that it has printed so far."""
        return str(self._container.logs().decode(errors="replace"))

    def exit_code(self) -> int | None:
        """Return what it exited with, None while it runs."""
        self._container.reload()
        state = self._container.attrs["State"]
        return None if state["Running"] else int(state["ExitCode"])


def is_image_name(name: str) -> bool:
    """Tell whether a text can name an image, so that it adds no option and no line."""
    return not name.startswith("-") and name.isprintable() and " " not in name and name != ""


def check_tag(tag: str) -> None:
    """Refuse what an image that is built cannot be called.

    Raises:
        UsageError: it is no tag.
        ToolError: no engine answers.
    """
    with _engine():
        from docker.utils.build import match_tag

        if not (is_image_name(tag) and match_tag(tag)):
            raise UsageError(f"{tag!r} is no name for an image", hint="such as my-model:1")


def find_image(name: str) -> str | None:
    """Return the id of an image that is on this machine, or None.

    Raises:
        ToolError: no engine answers.
    """
    from docker.errors import ImageNotFound

    with _engine() as engine:
        try:
            return str(engine.images.get(name).id)
        except ImageNotFound:
            return None


def ensure_image(name: str, *, say: Callable[[str], None] = lambda _: None) -> str:
    """Return the id of an image, pulled where it is not here and the settings allow that.

    Args:
        say: told before a pull.

    Raises:
        NotFoundError: there is no such image.
        ToolError: no engine answers.
    """
    from docker.errors import NotFound

    found = find_image(name)
    if found is not None:
        return found
    if not settings.docker_may_pull():
        raise NotFoundError(
            f"there is no image {name!r} here, and {settings.DOCKER_PULL} allows no pull",
            hint=f"docker pull {name}, or build it",
        )
    say(f"pulling the image {name}")
    with _engine() as engine:
        try:
            # The engine would pull every tag of a name without one.
            return str(engine.images.pull(name, tag=None if _has_tag(name) else "latest").id)
        except NotFound:
            raise NotFoundError(
                f"there is no image {name!r}", hint="check its name, or build it: docker build"
            ) from None


def build(
    folder: Path,
    *,
    tag: str,
    dockerfile: str = "Dockerfile",
    arguments: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    log: Callable[[str], None] = lambda _: None,
) -> str:
    """Build an image from a folder, and return its id.

    Args:
        dockerfile: its Dockerfile, relative to the folder.
        arguments: the `ARG`s of the Dockerfile.
        log: given each line that the engine writes.

    Raises:
        ToolError: a step fails (its last lines are named), or no engine answers.
    """
    lines: list[str] = []
    image_id = ""  # of its tag, another build may have made another image
    with _engine() as engine:
        for entry in engine.api.build(
            path=str(folder),
            tag=tag,
            dockerfile=dockerfile,
            buildargs=dict(arguments or {}),
            labels=dict(labels or {}),
            rm=True,
            forcerm=True,
            pull=False,
            decode=True,
        ):
            text = str(entry.get("stream") or entry.get("error") or entry.get("status") or "")
            for line in filter(None, text.splitlines()):
                log(line)
                lines.append(line)
            image_id = str((entry.get("aux") or {}).get("ID") or image_id)
            if "error" in entry:
                said = "\n".join(lines[-_LAST_LINES:])
                raise ToolError(
                    f"the image {tag} cannot be built: {said}",
                    hint=f"docker build {folder} shows all of it",
                )
        return image_id or str(engine.images.get(tag).id)


def output_of(image: str, command: Sequence[str], **options: Any) -> tuple[int, str]:
    """Run a short command in a container of its own; return its exit code and what it printed.

    Args:
        options: what the SDK's `containers.run` takes besides.

    Raises:
        ToolError: it cannot be started.
    """
    from docker.errors import ContainerError

    with _engine() as engine:
        try:
            said = engine.containers.run(image, list(command), remove=True, stderr=True, **options)
        except ContainerError as error:
            return int(error.exit_status), (error.stderr or b"").decode(errors="replace")
        return 0, said.decode(errors="replace")


@contextmanager
def started(
    image: str,
    command: Sequence[str] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    mounts: Sequence[Mount] = (),
    ports: Mapping[int, int | None] | None = None,
    **options: Any,
) -> Iterator[Container]:
    """Give a container that runs in the background for the time of the block, then remove it.

    Args:
        command: default: the image's own.
        ports: published on 127.0.0.1: the container's by this machine's, None for a free one.
        options: what the SDK's `containers.run` takes besides.

    Raises:
        NotFoundError: the image is not here; see `ensure_image`.
        ToolError: it cannot be started.
    """
    image = ensure_image(image)
    with _engine() as engine:
        container = engine.containers.run(
            image,
            list(command) if command is not None else None,
            detach=True,
            environment=dict(environment or {}),
            volumes=[str(mount) for mount in mounts],
            ports={f"{inside}/tcp": ("127.0.0.1", here) for inside, here in (ports or {}).items()},
            **{"init": True, **options},
        )
        try:
            yield Container(container)
        finally:
            with suppress(Exception):  # it may have removed itself
                container.stop(timeout=_STOP_SECONDS)
            container.remove(force=True)


def remove(name: str) -> None:
    """Kill and remove a container; one that is gone already is fine."""
    from docker.errors import NotFound

    with _engine() as engine, suppress(NotFound):
        engine.containers.get(name).remove(force=True)


@contextmanager
def _engine() -> Iterator[DockerClient]:
    try:
        import docker
        from docker.errors import APIError, DockerException
        from requests.exceptions import RequestException
    except ImportError as error:
        raise MissingPackageError(
            f"Docker's Python package cannot be imported: {error}", hint="pip install docker"
        ) from None
    try:
        engine = docker.from_env()
    except (DockerException, RequestException) as error:
        raise _no_engine(error) from None
    try:
        yield engine
    except APIError as error:
        raise ToolError(f"Docker refused: {error.explanation or error}") from None
    except RequestException as error:
        raise _no_engine(error) from None
    finally:
        engine.close()


def _no_engine(error: Exception) -> ToolError:
    reason = str(error.args[0] if error.args else error)[:300]
    return ToolError(
        f"no Docker engine answers: {reason}",
        hint="start it, and check that you may use it: docker info",
    )


def _has_tag(name: str) -> bool:
    return "@" in name or ":" in name.rpartition("/")[2]
