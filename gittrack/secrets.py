"""What looks like a secret.

Well-known token forms, private keys, passwords in URLs, and files that hold them.

The rules are narrow on purpose: each names a form that a provider documents, so that ordinary
values pass.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import lru_cache

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
    "openai_key": (
        ("sk-",),
        r"(?<![\w-])sk-(?:proj-|svcacct-|ant-|or-)?[A-Za-z0-9_-]{32,}",
    ),
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
_SECRET_FILES = (
    ".env*",
    "*.pem",
    "*.key",
    "id_*",
    ".netrc",
    ".npmrc",
    ".pypirc",
    "credentials*",
)
_SHORTEST = 9


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


def was_redacted(text: str) -> bool:
    """Tell whether a text lacks a secret that it had, see `redact`."""
    return any(f"[{name.replace('_', ' ')} left out]" in text for name in _RULES)


def is_secret_file(name: str) -> bool:
    """Tell whether a file of this name (without folders) usually holds secrets."""
    return any(fnmatchcase(name.lower(), pattern) for pattern in _SECRET_FILES)
