"""Docker with a real engine: images found and built, containers run, asked and removed."""

from __future__ import annotations

import gc
import os
import urllib.request
from typing import TYPE_CHECKING

import pytest

from gittrack import containers, settings
from gittrack.errors import NotFoundError, ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IMAGE = "local/python"

docker = pytest.mark.needs("docker", f"image:{IMAGE}")


@pytest.fixture(autouse=True)
def no_pull(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fetch nothing from a registry."""
    monkeypatch.setenv(settings.DOCKER_PULL, "never")


@pytest.fixture
def tag() -> Iterator[str]:
    """A name for an image that goes with the test."""
    import docker as sdk

    name = f"gittrack-test:{os.urandom(4).hex()}"
    yield name
    client = sdk.from_env()
    if containers.find_image(name):
        client.images.remove(name, force=True)
    client.close()


@docker
def test_an_image_is_built_with_its_arguments_and_run(tmp_path: Path, tag: str) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {IMAGE}\nARG WORD\nRUN echo $WORD > /word\n")
    lines: list[str] = []

    made = containers.build(tmp_path, tag=tag, arguments={"WORD": "hello"}, log=lines.append)

    assert made == containers.find_image(tag) == containers.ensure_image(tag)
    assert any("RUN echo $WORD" in line for line in lines)
    assert containers.output_of(tag, ["cat", "/word"]) == (0, "hello\n")


@docker
def test_a_step_that_fails_is_named_with_its_last_words(tmp_path: Path, tag: str) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {IMAGE}\nRUN echo woe; exit 7\n")

    with pytest.raises(ToolError, match="woe") as error:
        containers.build(tmp_path, tag=tag)

    assert "7" in error.value.message
    assert containers.find_image(tag) is None


@docker
def test_of_two_builds_of_one_name_each_returns_its_own_image(tmp_path: Path, tag: str) -> None:
    def folder(word: str) -> Path:
        made = tmp_path / word
        made.mkdir()
        (made / "Dockerfile").write_text(f"FROM {IMAGE}\nRUN echo {word} > /word\n")
        return made

    def other_first(line: str) -> None:
        if line.startswith("Successfully tagged"):
            containers.build(folder("theirs"), tag=tag)

    made = containers.build(folder("ours"), tag=tag, log=other_first)
    assert containers.output_of(made, ["cat", "/word"]) == (0, "ours\n")
    assert containers.output_of(tag, ["cat", "/word"]) == (0, "theirs\n")


@docker
def test_the_exit_code_and_words_of_a_command_come_back() -> None:
    assert containers.output_of(IMAGE, ["sh", "-c", "echo no >&2; exit 3"]) == (3, "no\n")


@docker
def test_an_image_that_is_not_here_is_not_pulled_where_that_is_forbidden() -> None:
    assert containers.find_image("gittrack-test/none") is None
    with pytest.raises(NotFoundError, match="allows no pull"):
        containers.ensure_image("gittrack-test/none")


@docker
def test_a_started_container_answers_on_a_free_port_and_is_removed(tmp_path: Path) -> None:
    (tmp_path / "page").write_text("a page")
    command = ["python3", "-u", "-m", "http.server", "8000", "--directory", "/pages"]
    mount = containers.Mount(tmp_path, "/pages", read_only=True)

    with containers.started(IMAGE, command, mounts=[mount], ports={8000: None}) as container:
        url = f"http://127.0.0.1:{container.port(8000)}/page"
        for _ in range(6000):
            try:
                assert urllib.request.urlopen(url, timeout=10).read() == b"a page"
                break
            except OSError:
                assert container.exit_code() is None, container.logs()
        else:
            pytest.fail(container.logs())
        name = container.id

    containers.remove(name)  # gone already
    with pytest.raises(ToolError, match="No such container"), containers._engine() as engine:
        engine.containers.get(name)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_engine_that_does_not_answer_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")

    with pytest.raises(ToolError, match="no Docker engine answers") as error:
        containers.find_image(IMAGE)

    assert "docker info" in error.value.hint
    del error
    gc.collect()  # the SDK leaves the socket open that it could not connect


@pytest.mark.parametrize(
    ("name", "has"),
    [("python", False), ("host:5000/a", False), ("host:5000/a:1", True), ("a@sha256:0", True)],
)
def test_a_tag_is_told_from_a_port(name: str, has: bool) -> None:
    assert containers._has_tag(name) is has
