"""What looks like a secret.

Well-known token forms, private keys, passwords in URLs, and files that hold them.

The rules are narrow on purpose: each names a form that a provider documents, so that ordinary
values pass. Of values that have a name, such as params and options of a command, those that are
named like `password` or `api_key` are secrets too, whatever they look like.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TypeVar

T = TypeVar("T")

# Each rule is bounded, or can begin only where a run of its characters does: no text, however it
# was made, takes more than linear time. A text without one of a rule's words needs not be searched,
# which is thirty times faster.
_RULES: dict[str, tuple[tuple[str, ...], str]] = {
    "private_key": (
        ("-----BEGIN ",),
        r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----",
    ),
    "aws_access_key": (("AKIA", "ASIA"), r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "aws_secret_key": (
        ("aws_secret_access_key",),
        r"aws_secret_access_key[\"']?[ \t]{0,8}[:=][ \t\"']{0,8}[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/])",
    ),
    "github_token": (
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{36,})",
    ),
    "gitlab_token": (
        ("glpat-", "gldt-", "glrt-", "glcbt-", "glptt-"),
        r"(?<![\w-])gl(?:pat|dt|rt|cbt|ptt)-[A-Za-z0-9_-]{20,}",
    ),
    "slack_token": (("xox",), r"(?<![\w-])xox[abeoprs]-[A-Za-z0-9-]{10,}"),
    "google_api_key": (("AIza",), r"(?<![\w-])AIza[0-9A-Za-z_-]{35}\b"),
    "google_client_secret": (("GOCSPX-",), r"(?<![\w-])GOCSPX-[0-9A-Za-z_-]{28}\b"),
    "openai_key": (("sk-",), r"(?<![\w-])sk-(?:proj-|svcacct-|ant-|or-)?[A-Za-z0-9_-]{32,}"),
    "hugging_face_token": (("hf_",), r"\bhf_[A-Za-z0-9]{34,}\b"),
    "databricks_token": (("dapi",), r"\bdapi[0-9a-f]{32}(?:-\d)?\b"),
    "stripe_key": (("k_live_", "k_test_"), r"\b[rs]k_(?:live|test)_[0-9A-Za-z]{20,}"),
    "sendgrid_key": (("SG.",), r"(?<![\w-])SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}\b"),
    "npm_token": (("npm_",), r"\bnpm_[A-Za-z0-9]{36}\b"),
    "pypi_token": (("pypi-AgEI",), r"\bpypi-AgEI[A-Za-z0-9_-]{50,}"),
    "azure_account_key": (("AccountKey=",), r"AccountKey=[A-Za-z0-9+/]{80,}={0,2}"),
    "json_web_token": (
        ("eyJ",),
        r"(?<![\w-])eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    ),
    "password_in_url": (
        ("://",),
        r"\b[A-Za-z][\w+.-]{1,20}://[^\s/:@'\"]{0,64}:[^\s/@'\"]{3,256}@",
    ),
}
_SECRET_FILES = (".env*", "*.pem", "*.key", "id_*", ".netrc", ".npmrc", ".pypirc", "credentials*")
_SHORTEST = 9

NAMED = "secret"
_LOGIN = r"(?:password|passwd|passphrase)"
# The last words of a name. `pad_token` and its like are no secrets: a token of a login says whose.
_SECRET_NAME = re.compile(
    rf"(?:.*_)?(?:{_LOGIN}|secret|api_?key|(?:secret|access|private|account|auth)_key"
    r"|(?:access|api|app|auth|bearer|bot|gh|github|gitlab|hf|hub|refresh|session|wandb)_?token)"
    r"|token"
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# What stands for a value, or for none: a number of a token, a reference, what was left out before.
_NO_SECRET = re.compile(
    r"-?[\d.]*|true|false|none|null|yes|no|on|off|[$<\[{%*].*", re.IGNORECASE | re.DOTALL
)
_SHORTEST_NAMED = 4
_WORD = re.compile(r"""(?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*"|['"\\])+""", re.DOTALL)
_ASSIGNED = re.compile(r"(-{0,2}[A-Za-z][\w.-]*)=(.*)", re.DOTALL)
_OPTION = re.compile(r"--?[A-Za-z][\w.-]*")


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    return re.compile("|".join(f"(?P<{name}>{rule})" for name, (_, rule) in _RULES.items()))


@lru_cache(maxsize=len(_RULES))
def _rule(name: str) -> re.Pattern[str]:
    return re.compile(_RULES[name][1])


def search(text: str) -> tuple[str, int] | None:
    """Return what kind of secret the text holds ("github token") and where, or None."""
    if len(text) < _SHORTEST:
        return None
    for name, (words, _) in _RULES.items():
        for word in words:
            if word in text and (match := _rule(name).search(text)) is not None:
                return name.replace("_", " "), match.start()
    return None


def find(text: str) -> str | None:
    """Return what kind of secret the text holds, or None; see `search`."""
    found = search(text)
    return found[0] if found else None


def redact(text: str) -> str:
    """Return the text with every secret replaced by what it was."""
    if len(text) < _SHORTEST:
        return text
    return _pattern().sub(
        lambda match: f"[{str(match.lastgroup).replace('_', ' ')} left out]", text
    )


def find_named(name: str, value: object) -> str | None:
    """Return what kind of secret a value is, by its form or by its name, or None."""
    found = find(value) if isinstance(value, str) else None
    return found or ("by its name" if _is_named(name, value) else None)


def redact_named(name: str, value: T) -> T | str:
    """Return a value, in its place what it was where it is a secret; see `find_named`."""
    if isinstance(value, str) and (redacted := redact(value)) != value:
        return redacted
    return f"[{NAMED} left out]" if _is_named(name, value) else value


def redact_command(text: str) -> str:
    """Return a command line with its secrets replaced, those of `--password x` and `KEY=x` too."""
    parts: list[str] = []
    end, option = 0, ""
    for match in _WORD.finditer(text):
        parts += [text[end : match.start()], _redact_word(match[0], option)]
        end = match.end()
        option = match[0] if _OPTION.fullmatch(match[0]) else ""
    return redact("".join(parts) + text[end:])


def _redact_word(word: str, option: str) -> str:
    """Return a word of a command line; `option` is the one before it, or ""."""
    plain = re.sub(r"['\"\\]", "", word)
    if option and not plain.startswith("-") and _is_named(option, plain):
        return f"'{redact_named(option, plain)}'"
    assigned = _ASSIGNED.fullmatch(plain)
    if assigned is not None and _is_named(*assigned.groups()):
        return f"{assigned[1]}='{redact_named(*assigned.groups())}'"
    if word[:1] in "'\"" and word[-1:] == word[:1] and " " in word:  # a command in a command
        inner = redact_command(word[1:-1])
        return word if inner == word[1:-1] else word[0] + inner.replace(word[0], "") + word[0]
    return word


def _is_named(name: str, value: object) -> bool:
    kind = _kind_of_name(name)
    if not kind or isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return False
    text = str(value).strip()
    if kind == "password" and text.isdigit():
        return True
    return len(text) >= _SHORTEST_NAMED and _NO_SECRET.fullmatch(text) is None


@lru_cache(maxsize=4096)
def _kind_of_name(name: str) -> str:
    """Return "password" or "secret" of a name that says so, else ""."""
    last = re.split(r"[./:]", name)[-1]
    words = re.sub(r"[^a-z0-9]+", "_", _HUMP.sub("_", last).lower()).strip("_")
    if _SECRET_NAME.fullmatch(words) is None:
        return ""
    return "password" if re.search(_LOGIN, words) else "secret"


def was_redacted(text: str) -> bool:
    """Tell whether a text lacks a secret that it had, see `redact`."""
    return any(f"[{name.replace('_', ' ')} left out]" in text for name in (NAMED, *_RULES))


def is_secret_file(name: str) -> bool:
    """Tell whether a file of this name (without folders) usually holds secrets."""
    return any(fnmatchcase(name.lower(), pattern) for pattern in _SECRET_FILES)
