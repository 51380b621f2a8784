"""What looks like a secret, and what does not. The secrets are put together when the tests run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrack import secrets

HITS = {
    "private key": [
        "-----BEGIN " + "RSA PRIVATE KEY-----",
        "-----BEGIN " + "PRIVATE KEY-----",
        "-----BEGIN " + "PGP PRIVATE KEY BLOCK-----",
        "-----BEGIN " + "OPENSSH PRIVATE KEY-----",
    ],
    "aws access key": ["AK" + "IA" + "Q7" * 8, "key=AS" + "IA" + "Z2" * 8],
    "aws secret key": [
        "aws_secret" + '_access_key = "' + "aB3/" * 10 + '"',
        "aws_secret" + "_access_key=" + "aB3+" * 10,
    ],
    "google client secret": ["GOC" + "SPX-" + "a1B_" * 7],
    "databricks token": ["da" + "pi" + "0123456789abcdef" * 2, "da" + "pi" + "a1" * 16 + "-2"],
    "sendgrid key": ["S" + "G." + "a1" * 11 + "." + "b2" * 21 + "c"],
    "github token": [
        "gh" + "p_" + "a1" * 18,
        "gh" + "s_" + "b2" * 20,
        "github" + "_pat_" + "c" * 40,
    ],
    "gitlab token": ["gl" + "pat-" + "a1B2" * 5],
    "slack token": ["xo" + "xb-" + "1234567890-abcdef"],
    "google api key": ["AI" + "za" + "a1B2c" * 7],
    "openai key": [
        "s" + "k-" + "a1" * 24,
        "s" + "k-proj-" + "b2" * 24,
        "s" + "k-ant-" + "c3" * 24,
    ],
    "hugging face token": ["h" + "f_" + "aB" * 17],
    "stripe key": ["s" + "k_live_" + "a1" * 12, "r" + "k_test_" + "a1" * 12],
    "npm token": ["np" + "m_" + "a1" * 18],
    "pypi token": ["py" + "pi-AgEI" + "a1" * 30],
    "azure account key": ["Account" + "Key=" + "a1B/" * 21 + "=="],
    "json web token": ["ey" + "J" + "a1" * 10 + ".ey" + "J" + "b2" * 10 + "." + "c3" * 10],
    "password in url": ["postgres://ann:" + "tiger7@db/x", "https://:" + "token123@example.org"],
}
MISSES = [
    "",
    "0.1",
    "sklearn.linear_model.LogisticRegression",
    "python train.py --alpha 0.5 --key value",
    "5e0c61f3a9b1d2c4e5f60718293a4b5c6d7e8f90",
    "sha256:" + "0123456789abcdef" * 4,
    "https://example.org/wine.git",
    "https://example.org:8080/a@b",
    "git@example.org:team/wine.git",
    "ssh://git@example.org:22/wine.git",
    "sk-learn-and-other-words",
    "task_live_" + "short",
    "hf_transformers_are_many_words_here",
    "-----BEGIN " + "PUBLIC KEY-----",
    "-----BEGIN " + "CERTIFICATE-----",
    "AKIA",
    "aws_secret_access_key = os.environ['KEY']",
    "dapiary" + "0" * 40,
    "SG.a.b",
    "task-" + "a" * 40,
    "password",
    "8f14e45f-ceea-467f-a0e6-1d6f1c5f0f7a",
]


@pytest.mark.parametrize(
    ("kind", "text"), [(kind, text) for kind, texts in HITS.items() for text in texts]
)
def test_a_secret_is_found_alone_and_amid_text(kind, text):
    assert secrets.find(text) == kind
    assert secrets.find(f"--token={text} --alpha 0.5\nmore") == kind


@pytest.mark.parametrize("text", [text for texts in HITS.values() for text in texts])
def test_what_is_redacted_holds_no_secret_and_keeps_the_rest(text):
    redacted = secrets.redact(f"before {text} after")
    assert text not in redacted
    assert secrets.find(redacted) is None
    assert redacted.startswith("before ")
    assert redacted.endswith(" after")


@pytest.mark.parametrize("text", MISSES)
def test_ordinary_values_pass(text):
    assert secrets.find(text) is None
    assert secrets.redact(text) == text


NAMED_HITS = [
    ("password", "hunter2"),
    ("password", "123456"),
    ("password", 123456),
    ("db_password", "correct horse"),
    ("db.password", "hunter2"),
    ("dbPassword", "hunter2"),
    ("PASSWD", "hunter2"),
    ("passphrase", "a b c d"),
    ("secret", "s3cr3t"),
    ("client-secret", "s3cr3t"),
    ("token", "a1b2c3d4"),
    ("access_token", "a1b2c3d4"),
    ("accessToken", "a1b2c3d4"),
    ("HF_TOKEN", "a1b2c3d4"),
    ("auth/token", "a1b2c3d4"),
    ("api_key", "a1b2c3d4"),
    ("apikey", "a1b2c3d4"),
    ("OPENAI_API_KEY", "a1b2c3d4"),
    ("aws_secret_access_key", "a1b2c3d4"),
    ("secret_key", "a1b2c3d4"),
    ("private-key", "a1b2c3d4"),
]
NAMED_MISSES = [
    ("max_tokens", "4096"),
    ("tokenizer", "bert-base-uncased"),
    ("num_tokens", 12),
    ("token_dim", "768"),
    ("pad_token", "[PAD]"),
    ("eos_token", "endoftext"),
    ("mask_token", "mask"),
    ("token", "50256"),
    ("token", 50256),
    ("token", "cls"),
    ("token", "<mask>"),
    ("token_type", "subword"),
    ("key", "a1b2c3d4"),
    ("keys", "a1b2c3d4"),
    ("monkey", "a1b2c3d4"),
    ("primary_key", "customer"),
    ("sort_key", "customer"),
    ("secretary", "Smith"),
    ("secret_size", "large"),
    ("password_policy", "strict"),
    ("use_password", True),
    ("password", ""),
    ("password", None),
    ("password", "None"),
    ("password", "true"),
    ("password", "$PASSWORD"),
    ("password", "${PASSWORD}"),
    ("password", "[secret left out]"),
    ("api_key", "****"),
    ("alpha", "hunter2"),
    ("author", "hunter2"),
    ("pwd", "/home/ann/work"),
    ("pass", "second"),
]


@pytest.mark.parametrize(("name", "value"), NAMED_HITS)
def test_a_value_is_a_secret_where_its_name_says_so(name, value):
    assert secrets.find_named(name, value) == "by its name"
    assert secrets.redact_named(name, value) == "[secret left out]"


@pytest.mark.parametrize(("name", "value"), NAMED_MISSES)
def test_names_that_sound_alike_are_no_secrets(name, value):
    assert secrets.find_named(name, value) is None
    assert secrets.redact_named(name, value) is value


def test_a_form_that_is_known_is_named_before_the_name():
    token = HITS["github token"][0]
    assert secrets.find_named("password", token) == "github token"
    assert secrets.redact_named("password", token) == "[github token left out]"


@pytest.mark.parametrize(
    ("command", "redacted"),
    [
        ("train --password hunter2 --lr 1", "train --password '[secret left out]' --lr 1"),
        ("train --password=hunter2", "train --password='[secret left out]'"),
        ("train '--password=a b c' x", "train --password='[secret left out]' x"),
        ("train --password 'a b c'", "train --password '[secret left out]'"),
        ('train --api-key "a\'b c"', "train --api-key '[secret left out]'"),
        ("train -token a1b2c3d4", "train -token '[secret left out]'"),
        ("gittrack run . -P token=a1b2c3d4", "gittrack run . -P token='[secret left out]'"),
        ("DB_PASSWORD=hunter2 python a.py", "DB_PASSWORD='[secret left out]' python a.py"),
        ("sh -c 'a.py --password hunter2'", "sh -c 'a.py --password [secret left out]'"),
        ("sh -c 'cd a; token=a1b2c3d4 b'", "sh -c 'cd a; token=[secret left out] b'"),
        ("python a.py db.password=hunter2", "python a.py db.password='[secret left out]'"),
    ],
)
def test_options_and_assignments_that_are_named_so_are_redacted(command, redacted):
    assert secrets.redact_command(command) == redacted
    assert secrets.redact_command(redacted) == redacted
    assert secrets.was_redacted(redacted)


@pytest.mark.parametrize(
    "command",
    [
        "python train.py --max-tokens 4096 --tokenizer bert-base --pad-token '[PAD]'",
        "python train.py --password --verbose",
        "python train.py --password $PASSWORD --token ${TOKEN}",
        "python train.py --token 50256 password",
        "python -c 'print('\"'\"'a  b'\"'\"')'  --key=a1b2c3d4",
        "echo 'unbalanced \" quotes",
        "a\\ b  'c'",
    ],
)
def test_other_commands_are_kept_byte_by_byte(command):
    assert secrets.redact_command(command) == command


@given(st.text())
def test_a_command_of_any_text_is_redacted_once_and_for_all(text):
    redacted = secrets.redact_command(f"--password {text}")
    assert secrets.redact_command(redacted) == redacted


@given(st.text())
def test_whatever_is_redacted_holds_no_secret(text):
    assert secrets.find(secrets.redact(text)) is None


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        ".env.local",
        "server.pem",
        "tls.KEY",
        "id_rsa",
        "id_ed25519",
        ".netrc",
        ".npmrc",
        ".pypirc",
        "credentials",
        "credentials.json",
        "Credentials.csv",
    ],
)
def test_files_that_usually_hold_secrets_are_known_by_name(name):
    assert secrets.is_secret_file(name)


@pytest.mark.parametrize(
    "name", ["train.py", "keys.txt", "identity.py", "environment.yml", "a.env"]
)
def test_other_files_are_not(name):
    assert not secrets.is_secret_file(name)


def test_text_made_to_be_slow_is_read_in_linear_time():
    # Each rule that could begin anew at every character would take minutes for these.
    for piece in ("-eyJ", "-sk-", "-glpat-", "-xoxb-", "-AIza", "-----BEGIN A ", "a://b:", "ghp_"):
        assert secrets.find(piece * 100_000) is None
    for piece in ("'", '"', "\\", "' \"", "--token a=", "a_", "_api_"):
        assert isinstance(secrets.redact_command(piece * 20_000), str)
        assert secrets.find_named(piece * 20_000, "hunter2") is None
