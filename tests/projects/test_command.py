"""Values in a command: the program gets them unchanged, and the shell runs nothing else."""

from __future__ import annotations

import subprocess
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gittrack.errors import ProjectError
from gittrack.projects.command import render

PRINT = (
    "python3 -c 'import os, sys; "
    """sys.stdout.buffer.write(b"\\0".join(map(os.fsencode, sys.argv[1:])))'"""
)
COMMANDS_IN_COMMANDS = [
    "bash -c \"python3 -V; echo '{v}'\"",
    "bash -c 'echo \"{v}\"; true'",
    "bash -c echo\\ {v}",
    "sh -c \"echo '{v}.txt'\"",
    "sh -c \"'{v}'\"",
    'bash -c \\"{v}\\"',
    'bash -c "echo {v}"',
    "bash -c 'echo {v}'",
    'bash -c "echo "{v}',
    "bash -c {v}' of it'",
    "bash -c $'echo\\x20{v}'",
    "bash -c $'echo\\' \\'{v}'",
    "bash -c `echo {v}`",
    "bash -c `echo echo\\\\ {v}`",
    "bash <<EOF\necho {v}\nEOF",
    "eval echo {v}",
    "echo $(( {v} ))",
    "(( {v} > 3 ))",
    "[[ {v} -eq 3 ]]",
    "let {v}",
    "echo \\{v}",
    'python3 -c "print({v})"',
    'python3 -uc "print({v})"',
    "python3 -X dev -c {v}",
    "/usr/bin/env python3 -c{v}",
    "bash -o pipefail -c {v}",
    "perl -e {v}",
    "x={v}; echo $((x))",
    'x={v}; echo "$((x))"',
    'echo "$(({v}))"',
    'echo "`{v}`"',
    "declare -i x={v}",
    "typeset -i x; x={v}",
    "f() {{ local -i x={v}; }}; f",
    "arr[{v}]=1",
    "x=abc; echo ${{x:{v}}}",
    "test -v {v}",
    "[ ! -v {v} ]",
    "printf -v {v} x",
    'declare "a[{v}]=1"',
    "unset {v}",
    "trap {v} EXIT",
    "bash <<< {v}",
    ". /dev/stdin <<< {v}",
    "source <(echo {v})",
    "bash <(echo {v})",
    "echo {v} | bash",
    "echo {v} |bash",
    "echo {v} | sh -s -- a",
    "echo {v} | (cat | sh)",
    "\\eval echo {v}",
    "e'va'l echo {v}",
]
VALUES = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]))


def arguments(template: str, *values: str, **extra: str) -> list[str]:
    """Run a command and return the arguments that its program got."""
    given_values = {f"v{index}": value for index, value in enumerate(values)}
    command = render(template, given_values, extra, where="test")
    done = subprocess.run(["bash", "-c", command.script], capture_output=True, check=True)
    return done.stdout.decode().split("\0")


@settings(max_examples=60, deadline=None)
@given(VALUES, VALUES)
@example("$(touch /tmp/pwned)", "'; touch /tmp/pwned; '")
@example("", "-rf *")
@example("a\nb", "\\")
@example("~", "!!")
def test_any_text_reaches_the_program_unchanged(first: str, second: str) -> None:
    template = PRINT.replace("{", "{{") + """ {v0} "{v1}" '{v0}' x="{v1}",y"""

    assert arguments(template, first, second, key=second) == [
        first, second, first, f"x={second},y", "--key", second,
    ]  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(VALUES)
@example("'; touch pwned; '")
@example("$(touch pwned)")
@example('"; touch pwned; "')
def test_the_shown_command_does_the_same_as_the_one_that_ran(value: str) -> None:
    command = render("printf '<%s>' {v} a'{v}' \"b{v}\"", {"v": value}, {}, where="test")

    by_script, by_hand = (
        subprocess.run(["bash", "-c", text], capture_output=True, check=True).stdout
        for text in (command.script, command.shown)
    )

    assert by_script == by_hand


@pytest.mark.parametrize(
    "value",
    [
        "; touch pwned",
        "$(touch pwned)",
        "`touch pwned`",
        "'; touch pwned #",
        '"; touch pwned #',
        "a\ntouch pwned",
        "a[$(touch pwned)]",
        "__import__('os').system('touch pwned')",
    ],
)
@pytest.mark.parametrize(
    "template",
    [
        "echo {v}",
        'echo "{v}"',
        "echo '{v}'",
        'bash -c "echo {v}"',
        "bash -c 'echo {v}'",
        "echo $(echo {v})",
        'echo "$(echo {v})"',
        "echo `echo {v}`",
        "true # {v}",
        "cat <<EOF\n{v}\nEOF",
        "echo $'{v}'",
        "f() {{ echo {v}; }}; f",
        "# don't\necho {v}",
        "echo \\{v}",
        'echo ${{x:-"{v}"}}',
        *COMMANDS_IN_COMMANDS,
    ],
)  # fmt: skip
def test_no_value_starts_a_command_of_its_own(template: str, value: str) -> None:
    with suppress(ProjectError):
        command = render(template, {"v": value}, {"more": value}, where="test")
        subprocess.run(["bash", "-c", command.script], capture_output=True, check=False)

    assert subprocess.run(["ls"], capture_output=True, check=True, text=True).stdout == ""


@pytest.mark.parametrize("template", COMMANDS_IN_COMMANDS)
def test_in_a_command_inside_a_command_only_harmless_values_are_taken(template: str) -> None:
    with pytest.raises(
        ProjectError, match="^MLproject: entry point 'main': parameter 'v'"
    ) as caught:
        render(template, {"v": "a b"}, {}, where="MLproject: entry point 'main'")

    assert "bash -c 'echo \"$1\"' _ {v}" in caught.value.hint
    assert render(template, {"v": "a/b-1.5"}, {}, where="t").script == template.format(v="a/b-1.5")


@pytest.mark.parametrize(
    "template",
    [
        "bash -c 'echo \"$1\"' _ {v}",
        "python3 -c 'print(1)' \\\n  --x={v} # don't",
        "echo 'a b' {v} 'c d'",
        'echo "a b"; echo x\'{v}\'y"z"',
        "cat x <<<{v}",
        "python3 train.py -c {v}",
        "bash -e run.sh {v}",
        "python3 -m train -e {v}",
        "x={v} python3 train.py",
        "export x={v}; python3 train.py",
        "echo 'let me' {v}",
        "echo {v} | python3 train.py",
        "read -r x <<< {v}",
        'python3 train.py "f(x)" {v}',
        "echo {v}#'{v}'",
        "# don't\n# can't 'x\necho {v}",
    ],
)
def test_beside_other_words_any_value_is_taken(template: str) -> None:
    assert '"${gittrack_1}"' in render(template, {"v": "a b"}, {}, where="t").script


def test_harmless_values_stand_in_the_command_as_they_are() -> None:
    command = render("python t.py -r {r} {f}", {"r": "0.1", "f": "a/b.csv"}, {"x": "1"}, where="t")

    assert command.script == command.shown == "python t.py -r 0.1 a/b.csv --x 1"


def test_what_is_recorded_may_differ_from_what_runs() -> None:
    command = render("cat {f}", {"f": "/home/me/x"}, {}, where="t", recorded={"f": "x"})

    assert (command.script, command.shown) == ("cat /home/me/x", "cat x")


def test_double_braces_are_braces() -> None:
    assert render("echo ${{HOME}} {{}}", {}, {}, where="t").script == "echo ${HOME} {}"


def test_a_comment_with_an_apostrophe_opens_no_quotation() -> None:
    assert arguments("# don't\n" + PRINT.replace("{", "{{") + " {v0}", "a b") == ["a b"]


@pytest.mark.parametrize("ending", ["\n", "  \n\n", " \\\n"])
def test_extra_parameters_follow_on_the_same_line(ending: str) -> None:
    assert render(f"python t.py{ending}", {}, {"x": "1"}, where="t").script == "python t.py --x 1"


@pytest.mark.parametrize(
    "template",
    ["{b}", "{}", "{0}", "{a!r}", "{a:>9}", "{a.real}", "{a[0]}", "{", "}", "${HOME}"],
)
def test_a_placeholder_must_be_a_parameter(template: str) -> None:
    with pytest.raises(ProjectError) as caught:
        render(template, {"a": "1"}, {}, where="MLproject: entry point 'main'")

    assert "entry point 'main'" in caught.value.message
    assert "{{" in caught.value.hint


@pytest.mark.parametrize("value", ["a\0b", "\ud800"])
def test_what_no_program_can_be_passed_is_refused(value: str) -> None:
    with pytest.raises(ProjectError, match="'v'"):
        render("echo {v}", {"v": value}, {}, where="t")


def test_a_value_longer_than_the_system_takes_is_refused() -> None:
    with pytest.raises(ProjectError, match="longer than"):
        render("echo {v}", {"v": "x" * 200_000}, {}, where="t")
