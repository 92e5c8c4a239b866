"""Nothing that is secret passes, whatever stands around it."""

import base64
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.redaction import Redactor, secrets_of

HOME = "/home/ada"
PLAIN = Redactor(HOME)
URL_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

drawn = st.binary(min_size=24, max_size=48).map(lambda data: "A1" + base64.urlsafe_b64encode(data).decode().rstrip("="))
words = st.text(st.sampled_from("abc def. ,:;()'\"→ñ中"), max_size=30)


@given(before=words, value=drawn, after=words)
def test_what_was_drawn_at_random_never_passes(before: str, value: str, after: str) -> None:
    assert value not in PLAIN.clean(f"{before} {value} {after}")


@given(before=words, value=st.text(st.sampled_from(URL_SAFE), min_size=8, max_size=60), after=words)
def test_a_known_secret_never_passes(before: str, value: str, after: str) -> None:
    assert value not in Redactor(HOME, [value]).clean(f"{before}{value}{after}")


@given(text=st.text(max_size=200) | words | drawn)
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    redactor = Redactor(HOME, ["hunter2-hunter2"])
    once = redactor.clean(text)
    assert redactor.clean(once) == once


@given(rest=st.text(st.sampled_from("abc/._-"), max_size=20))
def test_the_home_folder_is_shortened(rest: str) -> None:
    assert "/home/ada/" not in PLAIN.clean(f"see /home/ada/{rest}")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("authorization: Bearer abcdefgh.ijkl", "authorization: [secret] [secret]"),
        ("token eyJhbGciOi.eyJzdWIi.c2ln is late", "token [secret] is late"),
        ("Invalid key sk-ant-api03-abcdefgh", "Invalid key [secret]"),
        ('{"apiKey": "short", "model": "x"}', '{"apiKey": [secret], "model": "x"}'),
        ("password=abc next", "password=[secret] next"),
        ("https://ada:pass@proxy.example.org:3128/x", "https://[login]@proxy.example.org:3128/x"),
        ("http://127.0.0.1:8787/pair#n=7&k=AbC", "http://127.0.0.1:8787/pair[…]"),
        ("https://relay.example.org/link?token=abc is down", "https://relay.example.org/link[…] is down"),
        ("the code 7-482913 is burnt", "the code [code] is burnt"),
        ("-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----", "[secret]"),
        ("/home/ada/.local/state/halyard", "~/.local/state/halyard"),
        ("/home/ada-lovelace/x", "/home/[user]/x"),
        ("/Users/ada/code", "/Users/[user]/code"),
        (r"C:\Users\ada\code", r"C:\Users\[user]\code"),
    ],
)
def test_by_its_look(text: str, clean: str) -> None:
    assert PLAIN.clean(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "relay.example.org:443 answers",
        "https://relay.example.org answers, release 0.1.0",
        "up for 3 h, heard 4 s ago, dialled again 2 times",
        "anthropic/claude-sonnet-4-5; its provider at https://api.anthropic.com is reached",
        "Run `chmod 600 /srv/halyard/identity.key`.",
        "The relay's certificate is refused: certificate has expired",
        "Three codes in a row were used up without a pairing: somebody may be guessing.",
    ],
)
def test_ordinary_sentences_stay_as_they_are(text: str) -> None:
    assert PLAIN.clean(text) == text


def test_a_long_text_from_elsewhere_is_cut() -> None:
    cleaned = PLAIN.clean("word " * 400)
    assert len(cleaned) == 400
    assert cleaned.endswith("…")


def test_a_secret_that_begins_another_leaves_no_tail() -> None:
    long = secrets.token_hex(10)
    assert Redactor(HOME, [long[:10], long]).clean(f"<{long}>") == "<[secret]>"


def test_variables_that_hold_secrets_are_known_by_name() -> None:
    environment = {
        "ANTHROPIC_API_KEY": "sk-ant-0123456789",
        "GITHUB_TOKEN": "ghp_0123456789",
        "SSH_AUTH_SOCK": "/run/user/1000/agent.sock",
        "KEYS": "12345678",
        "EDITOR": "vim-with-a-long-name",
        "DB_PASSWORD": "short",
    }
    assert secrets_of(environment) == {"sk-ant-0123456789", "ghp_0123456789"}
