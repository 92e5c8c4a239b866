"""Who is at the door: device tokens, each good once, and the operator's token."""

import hmac
import secrets
from collections.abc import Callable
from pathlib import Path

from relay.errors import NotAnOperator
from wire.errors import TokenInvalid
from wire.identity import Proof, SeenTokens, verify_token

OPERATOR_TOKEN_FILE = "operator.token"  # noqa: S105 - a file's name
_BEARER = "bearer "


class TokenGate:
    """Checks tokens of devices against this relay's origin and clock."""

    def __init__(self, origin: str, local_origins: frozenset[str], now: Callable[[], float]) -> None:
        self.origin = origin
        self._local_origins = local_origins
        self._now = now
        self._seen = SeenTokens()

    def admit(self, token: str, *, is_local: bool) -> Proof:
        """What the token proves. Raises TokenInvalid, ClockSkew or TokenReplayed.

        A process of this machine may name the relay by its loopback address too: the web app in this very process does.
        """
        now = int(self._now())
        proof = self._verify(token, now, is_local=is_local)
        self._seen.admit(proof, now)
        return proof

    def _verify(self, token: str, now: int, *, is_local: bool) -> Proof:
        for audience in sorted(self._local_origins - {self.origin}) if is_local else ():
            try:
                return verify_token(token, audience, now)
            except TokenInvalid:
                continue
        return verify_token(token, self.origin, now)


def bearer(authorization: str | None) -> str:
    """The token in an `authorization` value; TokenInvalid when there is none."""
    if authorization is None or authorization[: len(_BEARER)].lower() != _BEARER:
        raise TokenInvalid("Say who you are: `authorization: Bearer <token>`.")
    return authorization[len(_BEARER) :].strip()


class OperatorGate:
    """Checks the operator's token, which lives in a file that only the relay's user can read."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    def admit(self, authorization: str | None) -> None:
        """NotAnOperator unless `authorization` carries the token."""
        try:
            given = bearer(authorization).encode()
        except TokenInvalid:
            given = b""
        if not hmac.compare_digest(given, self._token):
            raise NotAnOperator("This needs the operator's token: `authorization: Bearer $(relay token)`.")


def operator_token(data_dir: Path) -> str:
    """The operator's token, drawn and written (0600) when there is none yet."""
    file = data_dir / OPERATOR_TOKEN_FILE
    if not file.exists() or not file.stat().st_size:
        # Renamed when it is whole: a disk that fills up in between must not leave an empty token, which anybody knows.
        draft = file.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(32), encoding="ascii")
        draft.replace(file)
    return file.read_text(encoding="ascii").strip()
