"""Who may ask, by the headers that a browser sends."""

from __future__ import annotations

import pytest

from gittrack.ui.guard import Guard

TOKEN = "t" * 32
LOCAL = Guard(token=TOKEN)
OPEN = Guard(hosts=("10.0.0.7", "box"), token=TOKEN)
EDIT = {
    "HTTP_HOST": "localhost:5000",
    "REMOTE_ADDR": "127.0.0.1",
    "CONTENT_TYPE": "application/json",
    "HTTP_X_GITTRACK_TOKEN": TOKEN,
}


@pytest.mark.parametrize("host", ["localhost:5000", "127.0.0.1:8080", "[::1]:5000", "LOCALHOST"])
def test_the_names_of_this_machine_are_answered(host):
    assert LOCAL.refusal({"HTTP_HOST": host}) == ""


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:5000", "localhost.evil.example", "10.0.0.7", "", "[", "::"],
)
def test_a_name_that_another_name_server_gave_is_refused(host):
    assert "this server is not" in LOCAL.refusal({"HTTP_HOST": host})


@pytest.mark.parametrize("host", ["10.0.0.7:5000", "box:5000", "192.168.1.1", "localhost"])
def test_a_server_for_others_is_reached_by_its_name_and_any_address(host):
    assert OPEN.refusal({"HTTP_HOST": host}) == ""


def test_a_server_for_others_is_not_reached_by_a_foreign_name():
    assert OPEN.refusal({"HTTP_HOST": "evil.example"})


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:5001", "file://", "http://["]
)
def test_a_page_of_another_site_is_refused(origin):
    asked = {"HTTP_HOST": "localhost:5000", "HTTP_ORIGIN": origin}
    assert "other sites" in LOCAL.refusal(asked)


def test_a_page_of_the_server_is_answered():
    asked = {"HTTP_HOST": "localhost:5000", "HTTP_ORIGIN": "http://localhost:5000"}
    assert LOCAL.refusal({**asked, "HTTP_SEC_FETCH_SITE": "same-origin"}) == ""


def test_a_script_or_picture_asked_by_another_site_is_refused():
    asked = {"HTTP_HOST": "localhost:5000", "HTTP_SEC_FETCH_SITE": "cross-site"}
    assert LOCAL.refusal({**asked, "HTTP_SEC_FETCH_MODE": "no-cors"})


def test_a_link_on_another_site_may_be_followed():
    asked = {"HTTP_HOST": "localhost:5000", "HTTP_SEC_FETCH_SITE": "cross-site"}
    opened = {"HTTP_SEC_FETCH_MODE": "navigate", "HTTP_SEC_FETCH_DEST": "document"}
    assert LOCAL.refusal({**asked, **opened}) == ""
    assert LOCAL.refusal({**asked, **opened, "HTTP_SEC_FETCH_DEST": "iframe"})


def test_an_edit_with_the_token_from_this_machine_is_taken():
    assert LOCAL.edit_refusal(EDIT) == ""


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"REMOTE_ADDR": "10.0.0.9"}, "only from the machine"),
        ({"HTTP_X_FORWARDED_FOR": "10.0.0.9"}, "only from the machine"),
        ({"CONTENT_TYPE": "text/plain"}, "application/json"),
        ({"HTTP_X_GITTRACK_TOKEN": "x" * 32}, "token"),
        ({"HTTP_X_GITTRACK_TOKEN": "ü"}, "token"),
    ],
)
def test_any_other_edit_is_refused(change, why):
    assert why in LOCAL.edit_refusal({**EDIT, **change})
