"""Takes secrets out of sentences before anybody is shown them: a doctor's report travels. Pure.

What is known to be secret goes by its value; what only looks like one goes by its look. Taking away too much costs a
word in a report, too little costs an account.
"""

import re
from collections.abc import Iterable, Mapping

SECRET = "[secret]"  # noqa: S105 - what stands in a secret's place
_LEAST = 8
"""Shorter values are words, and would make holes in every sentence."""
_LONGEST = 400
"""Characters of a sentence that come from elsewhere: an agent's error may hold a piece of its configuration."""

_NAMED_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH|COOKIE", re.IGNORECASE)
# A folder or socket is no secret, even when its variable is called SSH_AUTH_SOCK.
_HARMLESS = re.compile(r"^(/|~)|^\d+$")

_LOOKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [^-]*-----.*?(-----END [^-]*-----|\Z)", re.DOTALL), SECRET),
    (re.compile(r"(?<=://)[^/\s@]+@"), "[login]@"),
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s?#]*)[?#]\S+", re.IGNORECASE), r"\1[…]"),
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1 {SECRET}"),
    (
        re.compile(
            r"""(["']?[\w-]*(?:api[_-]?key|token|secret|passw(?:or)?d|passwd|credential|authorization|cookie)["']?"""
            r"""\s*[=:]\s*)(?!\[secret\])("[^"]*"|'[^']*'|[^\s,;}]+)""",
            re.IGNORECASE,
        ),
        rf"\1{SECRET}",
    ),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+(\.[\w-]*)?"), SECRET),
    (re.compile(r"\b(sk|pk|rk|ghp|gho|ghs|ghu|github_pat|glpat|hf|xox[abprs]|AKIA|AIza)[-_]?\w[\w-]{7,}"), SECRET),
    # Pairing codes, and whatever is long and mixed enough to have been drawn.
    (re.compile(r"\b\d{1,4}-\d{6}\b"), "[code]"),
    (re.compile(r"(?<![\w+=-])(?=[\w+=-]*\d)(?=[\w+=-]*[A-Za-z])[\w+=-]{24,}"), SECRET),
)
_HOMES = re.compile(r"(/home/|/Users/|[A-Z]:\\Users\\)[^/\\\s:]+")


def secrets_of(environment: Mapping[str, str]) -> frozenset[str]:
    """The values of variables whose names say that they hold a secret."""
    return frozenset(
        value
        for name, value in environment.items()
        if _NAMED_SECRET.search(name) and len(value) >= _LEAST and not _HARMLESS.search(value)
    )


class Redactor:
    """Knows what must not be shown on this machine. Cleaning twice changes nothing more."""

    def __init__(self, home: str = "", secrets: Iterable[str] = ()) -> None:
        """`home`: path of the person's folder; empty where there is none, as on a phone."""
        # The longest first: one secret may be the beginning of another.
        self._secrets = sorted((s for s in secrets if len(s) >= _LEAST), key=len, reverse=True)
        self._home = home.rstrip("/")

    def clean(self, text: str) -> str:
        """`text` without secrets, with the home folder as "~"; its first lines only when it is long."""
        for secret in self._secrets:
            text = text.replace(secret, SECRET)
        if self._home:
            text = re.sub(re.escape(self._home) + r"(?![\w-])", "~", text)
        for look, instead in _LOOKS:
            text = look.sub(instead, text)
        text = _HOMES.sub(r"\1[user]", text)
        return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
