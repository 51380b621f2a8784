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
# was made, takes more than linear time.
_RULES = {
    "private_key": r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----",
    "aws_access_key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "github_token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{36,})",
    "gitlab_token": r"(?<![\w-])gl(?:pat|dt|rt|cbt|ptt)-[A-Za-z0-9_-]{20,}",
    "slack_token": r"(?<![\w-])xox[abeoprs]-[A-Za-z0-9-]{10,}",
    "google_api_key": r"(?<![\w-])AIza[0-9A-Za-z_-]{35}\b",
    "openai_key": r"(?<![\w-])sk-(?:proj-|svcacct-|ant-|or-)?[A-Za-z0-9_-]{32,}",
    "hugging_face_token": r"\bhf_[A-Za-z0-9]{34,}\b",
    "stripe_key": r"\b[rs]k_(?:live|test)_[0-9A-Za-z]{20,}",
    "npm_token": r"\bnpm_[A-Za-z0-9]{36}\b",
    "pypi_token": r"\bpypi-AgEI[A-Za-z0-9_-]{50,}",
    "azure_account_key": r"AccountKey=[A-Za-z0-9+/]{80,}={0,2}",
    "json_web_token": r"(?<![\w-])eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    "password_in_url": r"\b[A-Za-z][\w+.-]{1,20}://[^\s/:@'\"]{0,64}:[^\s/@'\"]{3,256}@",
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
    return re.compile("|".join(f"(?P<{name}>{rule})" for name, rule in _RULES.items()))


def find(text: str) -> str | None:
    """Return what kind of secret the text holds ("github token"), or None."""
    if len(text) < _SHORTEST:
        return None
    match = _pattern().search(text)
    return match.lastgroup.replace("_", " ") if match and match.lastgroup else None


def redact(text: str) -> str:
    """Return the text with every secret replaced by what it was."""
    if len(text) < _SHORTEST:
        return text
    return _pattern().sub(
        lambda match: f"[{str(match.lastgroup).replace('_', ' ')} left out]", text
    )


def is_secret_file(name: str) -> bool:
    """Tell whether a file of this name (without folders) usually holds secrets."""
    return any(fnmatchcase(name.lower(), pattern) for pattern in _SECRET_FILES)
