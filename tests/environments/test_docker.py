"""Containers of a real engine: what is mounted, who owns the files, what is passed on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gittrack import containers, settings
from gittrack.environments import docker
from gittrack.environments.base import Built, Environment, Task
from gittrack.errors import GittrackError, ProjectError, UsageError
from gittrack.projects import rerunning, running
from gittrack.runs.store import Store
from tests.conftest import make_repository

if TYPE_CHECKING:
    from collections.abc import Callable

IMAGE = "local/python"
needs_docker = pytest.mark.needs("docker", f"image:{IMAGE}")


@pytest.fixture(autouse=True)
def no_pull(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fetch nothing from a registry."""
    monkeypatch.setenv(settings.DOCKER_PULL, "never")


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Path]:
    """Make a project that runs a shell command in the image."""

    def make(command: str, more: str = "") -> Path:
        folder = tmp_path / "project"
        folder.mkdir()
        (folder / "MLproject").write_text(
            f"docker_env:\n  image: {IMAGE}\n{more}entry_points:\n  main:\n    command: |\n"
            + "".join(f"      {line}\n" for line in command.splitlines())
        )
        return folder

    return make


def output(run: running.SubmittedRun) -> str:
    return (run.folder / "output.log").read_text()


@needs_docker
def test_a_container_sees_the_project_the_volumes_and_the_variables(
    project: Callable[..., Path], isolated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (isolated / "data").mkdir()
    (isolated / "data" / "x").write_text("from outside\n")
    monkeypatch.setenv("COPIED", "a b; c")
    folder = project(
        'pwd; cat /data/x; echo "$COPIED|$SET"; id -u; ls; exit 7',
        f"  volumes: ['{isolated}/data:/data:ro', 'inner:/inner']\n"
        "  environment: [COPIED, [SET, 'd e']]\n",
    )
    (folder / "inner").mkdir()

    done = running.run(str(folder), check=False)

    assert output(done) == (
        f"{folder}\nfrom outside\na b; c|d e\n{os.getuid()}\nMLproject\ninner\n"
    )
    assert (done.exit_code, done.status) == (7, "FAILED")
    assert any("the project mounts" in note and "/data:ro" in note for note in done.notes)


@needs_docker
def test_the_code_can_be_in_the_image(project: Callable[..., Path]) -> None:
    folder = project("pwd; ls; echo x > here")

    done = running.run(str(folder), build_image=True, docker_args={"user": "0:0"})

    assert output(done) == f"{docker.CODE}\nMLproject\n"
    assert not (folder / "here").exists()


@needs_docker
def test_options_of_docker_run_are_passed_on(project: Callable[..., Path]) -> None:
    done = running.run(str(project("hostname")), docker_args={"hostname": "there", "t": True})

    assert output(done).strip() == "there"


@needs_docker
def test_options_of_docker_run_are_kept_for_the_next_time_but_no_secret(
    project: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project('echo "$(hostname) $API_TOKEN"')
    make_repository(folder)
    monkeypatch.chdir(folder)
    running.run(".", docker_args={"hostname": "there", "env": "API_TOKEN=hunter2"})
    monkeypatch.setenv("API_TOKEN", "hunter2")

    store = Store.open()
    first = store.find("@")
    with rerunning.ordered(rerunning.read(first, store), {}) as order:
        again = running.submit(order)

    assert first.record.source["project"]["docker_args"] == {
        "hostname": "there",
        "env": "API_TOKEN",
    }
    assert "hunter2" not in (first.folder / "run.json").read_text()
    assert output(again) == "there hunter2\n"


@pytest.mark.needs("docker", f"image:{IMAGE}", "program:setpriv")
def test_files_belong_to_a_caller_who_is_not_root(
    project: Callable[..., Path], tmp_path: Path
) -> None:
    folder, home = project("touch made; id -u"), tmp_path / "theirs"
    home.mkdir()
    for path in (folder, home):
        path.chmod(0o777)
    user, somebody_else = os.getuid(), []
    if user == 0:  # who may read all as before, so that Python is found in root's home
        user, group = 12345, Path("/var/run/docker.sock").stat().st_gid
        rights = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
        ids = (f"--reuid={user}", f"--regid={user}", f"--groups={group}")
        somebody_else = ["setpriv", *ids, *rights]
    script = (
        "from gittrack.projects import running\n"
        f"running.run({str(folder)!r}, store={str(home / 'mlruns')!r})\n"
    )

    done = subprocess.run(
        [*somebody_else, sys.executable, "-c", script],
        env={**os.environ, "HOME": str(home)},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert (folder / "made").stat().st_uid == user
    assert {path.stat().st_uid for path in home.rglob("*")} == {user}


@needs_docker
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_leaves_no_container(
    project: Callable[..., Path], store: Store, number: int
) -> None:
    folder = project("touch ready; trap 'exit 3' INT TERM; while :; do sleep 0.1; done")
    command = [sys.executable, "-m", "gittrack", "run", str(folder)]
    gittrack = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not (folder / "ready").exists():
        assert time.monotonic() < until
        time.sleep(0.02)

    gittrack.send_signal(number)

    assert gittrack.wait(timeout=60) == 128 + number
    (run,) = store.runs().runs
    assert run.record.status == "KILLED"
    asked = ["docker", "ps", "-aq", "--filter", f"name=gittrack-{run.run_id}"]
    while subprocess.run(asked, capture_output=True, check=True).stdout:  # the engine is at it
        assert time.monotonic() < until + 60
        time.sleep(0.05)


@needs_docker
def test_an_image_without_python_runs_without_gittrack(tmp_path: Path, isolated: Path) -> None:
    tag = f"gittrack-test:{os.urandom(4).hex()}"
    (tmp_path / "Dockerfile").write_text(
        f"FROM {IMAGE}\nENV PATH=/usr/bin:/bin\nRUN rm -f /usr/bin/python3 /usr/bin/python\n"
    )
    containers.build(tmp_path, tag=tag)
    (isolated / "MLproject").write_text(
        f"docker_env: {{image: '{tag}'}}\nentry_points: {{main: {{command: 'echo fine'}}}}\n"
    )
    try:
        done = running.run(".")
    finally:
        subprocess.run(["docker", "rmi", "-f", tag], check=True, capture_output=True)

    assert output(done) == "fine\n"
    assert "there is no Python in it that gittrack could be lent to" in done.notes


@needs_docker
def test_an_image_that_is_not_here_makes_no_run(isolated: Path, store: Store) -> None:
    (isolated / "MLproject").write_text(
        "docker_env: {image: gittrack-test/none}\nentry_points: {main: {command: 'true'}}\n"
    )

    with pytest.raises(GittrackError, match="no image 'gittrack-test/none'"):
        running.run(".")

    assert not store.root.exists()


WRONG: dict[str, tuple[dict[str, Any], type[GittrackError], str]] = {
    "an option for a volume": ({"volumes": ["--privileged"]}, ProjectError, "no volume"),
    "a volume without a target": ({"volumes": ["/etc"]}, ProjectError, "no volume"),
    "a relative target": ({"volumes": ["/etc:etc"]}, ProjectError, "no volume"),
    "an option in the place of a variable": (
        {"environment": [["A --privileged", "x"]]}, ProjectError, "no name of a variable",
    ),
    "variables that are not set": (
        {"environment": ["GONE", "ALSO_GONE"]}, ProjectError, "GONE, ALSO_GONE",
    ),
}  # fmt: skip


@pytest.mark.needs("program:docker")
@pytest.mark.parametrize(("given", "kind", "words"), WRONG.values(), ids=WRONG)
def test_what_a_project_may_not_ask_of_docker(
    isolated: Path, given: dict[str, Any], kind: type[GittrackError], words: str
) -> None:
    built = Built("docker", "python", (3, 12), image=IMAGE, settings={"image": IMAGE, **given})

    with pytest.raises(kind, match=words) as error:
        docker.launch(built, Task("true", isolated))

    assert error.value.hint


@pytest.mark.needs("program:docker")
def test_an_option_of_docker_run_has_a_plain_name(isolated: Path) -> None:
    built = Built("docker", "python", (3, 12), image=IMAGE)

    with pytest.raises(UsageError, match="no option of docker run"):
        docker.launch(built, Task("true", isolated, docker_args={"v /:/host": True}))


@pytest.mark.parametrize("image", ["--privileged", "a b", "a\nb"])
def test_an_image_has_the_name_of_one(image: str) -> None:
    with pytest.raises(ProjectError, match="no name of an image"):
        docker.describe(Environment("docker_env", settings={"image": image}))
