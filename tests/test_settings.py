"""Where the store is, and what the environment says."""

from __future__ import annotations

from pathlib import Path

import pytest

from gittrack import settings
from gittrack.errors import UsageError
from tests.conftest import make_repository


@pytest.fixture
def deep(isolated: Path) -> Path:
    """A folder deep in a Git repository."""
    make_repository(isolated / "repo")
    folder = isolated / "repo" / "a" / "b"
    folder.mkdir(parents=True)
    return folder


def test_without_git_the_store_is_in_the_working_folder(isolated):
    assert settings.store_path() == isolated / "mlruns"


def test_in_a_repository_it_is_at_the_root(deep, isolated):
    assert settings.store_path(deep) == isolated / "repo" / "mlruns"


def test_the_nearest_mlruns_wins(deep):
    (deep.parent / "mlruns").mkdir()
    assert settings.store_path(deep) == deep.parent / "mlruns"


def test_an_mlruns_above_the_repository_is_not_ours(deep, isolated):
    (isolated / "mlruns").mkdir()
    assert settings.store_path(deep) == isolated / "repo" / "mlruns"


def test_gittrack_toml_says_where_it_is(deep):
    (deep.parent / "gittrack.toml").write_text('store = "results"\n')
    assert settings.store_path(deep) == deep.parent / "results"


def test_pyproject_says_where_it_is(deep):
    (deep.parent / "pyproject.toml").write_text("[tool.gittrack]\n")
    assert settings.store_path(deep) == deep.parent / "mlruns"


def test_a_pyproject_without_our_table_says_nothing(deep, isolated):
    (deep / "pyproject.toml").write_text("[tool.other]\nx = 1\n")
    assert settings.store_path(deep) == isolated / "repo" / "mlruns"


def test_broken_configuration_is_named(deep):
    (deep / "gittrack.toml").write_text("store =\n")
    with pytest.raises(UsageError, match=r"gittrack\.toml: not valid TOML"):
        settings.store_path(deep)


def test_a_home_folder_under_git_is_never_the_store(monkeypatch, tmp_path):
    home = make_repository(tmp_path / "home")
    (tmp_path / "link").symlink_to(home)
    monkeypatch.setenv("HOME", str(tmp_path / "link"))
    work = home / "work"
    work.mkdir()
    assert settings.store_path(work) == work / "mlruns"


def test_the_environment_wins(deep, monkeypatch, tmp_path):
    (deep / "mlruns").mkdir()
    monkeypatch.setenv("GITTRACK_DIR", str(tmp_path / "elsewhere"))
    assert settings.store_path(deep) == tmp_path / "elsewhere"


def test_a_worktree_and_a_submodule_are_roots_too(isolated):
    (isolated / "sub").mkdir()
    (isolated / "sub" / ".git").write_text("gitdir: ../elsewhere\n")
    assert settings.git_root(isolated / "sub") == isolated / "sub"


@pytest.mark.parametrize(
    ("uri", "path"),
    [("file:///data/my%20runs", "/data/my runs"), ("file:/data", "/data"), ("/data", "/data")],
)
def test_a_path_or_a_file_uri_names_a_folder(uri, path):
    assert settings.local_path(uri) == Path(path)


@pytest.mark.parametrize("uri", ["./mlruns", "mlruns", "file:./mlruns", "file:mlruns"])
def test_relative_ones_start_in_the_working_folder(uri, isolated):
    assert settings.local_path(uri) == isolated / "mlruns"


def test_a_tilde_is_the_home_folder():
    assert settings.local_path("~/runs") == Path.home() / "runs"


@pytest.mark.parametrize(
    "uri",
    [
        "http://localhost:5000",
        "sqlite:///x.db",
        "databricks://profile",
        "s3://bucket/x",
        "postgresql://u@h/d",
        "file://mlruns",
        "file://host/share",
    ],
)
def test_a_server_a_database_or_another_host_is_refused(uri):
    with pytest.raises(UsageError) as caught:
        settings.local_path(uri)
    assert caught.value.hint


def test_a_server_in_the_environment_is_refused_by_its_variable(monkeypatch):
    monkeypatch.setenv("GITTRACK_DIR", "http://localhost:5000")
    with pytest.raises(UsageError, match="GITTRACK_DIR"):
        settings.store_path()


def test_mlflows_variables_are_read_after_ours(monkeypatch):
    monkeypatch.setenv("MLFLOW_RUN_ID", "theirs")
    assert settings.variable(settings.RUN_ID) == "theirs"
    monkeypatch.setenv("GITTRACK_RUN_ID", "ours")
    assert settings.variable(settings.RUN_ID) == "ours"


@pytest.mark.parametrize(
    ("text", "rank"), [("3", 3), ("0", 0), ("", None), ("x", None), ("-1", None), ("²", None)]
)
def test_a_rank_is_a_whole_number(monkeypatch, text, rank):
    monkeypatch.setenv("RANK", text)
    assert settings.rank() == rank


def test_a_child_gets_our_environment_and_more(monkeypatch):
    monkeypatch.setenv("GITTRACK_USER", "Ben")
    child = settings.child_environment({"X": "1"}, without=("GITTRACK_USER",))
    assert child["X"] == "1"
    assert "GITTRACK_USER" not in child


def test_configuration_beside_an_mlruns_names_another_store(isolated):
    (isolated / "mlruns").mkdir()
    (isolated / "gittrack.toml").write_text('store = "elsewhere"\n')
    assert settings.store_path(isolated) == isolated / "elsewhere"
    (isolated / "gittrack.toml").write_text("[check]\n")
    assert settings.store_path(isolated) == isolated / "mlruns"


@pytest.mark.parametrize("value", ["5", "''", "[1]"])
def test_a_store_that_is_no_text_is_refused(isolated, value):
    (isolated / "gittrack.toml").write_text(f"store = {value}\n")
    with pytest.raises(UsageError, match="has store = "):
        settings.store_path(isolated)


@pytest.mark.parametrize(
    ("file", "text", "named", "near"),
    [
        ("gittrack.toml", 'stor = "x"', "gittrack.toml has a key 'stor'", "'store'"),
        ("pyproject.toml", "[tool.gittrack.metric]", r"\[tool.gittrack\] in", "'metrics'"),
        ("gittrack.toml", "zzz = 1", "'zzz'", "there are check, metrics, store"),
    ],
)
def test_a_key_that_nothing_reads_is_refused_with_the_nearest(isolated, file, text, named, near):
    (isolated / file).write_text(text)
    with pytest.raises(UsageError, match=named) as raised:
        settings.store_path()
    assert near in raised.value.hint
