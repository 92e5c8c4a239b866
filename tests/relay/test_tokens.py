"""Device tokens are for this relay, once; the operator's token is in a file that only its owner reads."""

from pathlib import Path

import pytest

from relay.errors import NotAnOperator
from relay.tokens import OperatorGate, TokenGate, bearer, operator_token
from tests.relay.peers import new_identity, token_for
from wire.errors import ClockSkew, TokenInvalid, TokenReplayed

NOW = 1_800_000_000.0
ORIGIN, LOCAL = "https://relay.example.org", "http://127.0.0.1:8460"


def _gate() -> TokenGate:
    return TokenGate(ORIGIN, frozenset({LOCAL}), lambda: NOW)


def test_a_token_is_good_once() -> None:
    gate, device = _gate(), new_identity()
    token = token_for(device, ORIGIN, NOW)
    assert gate.admit(token, is_local=False).device_id == device.device_id
    with pytest.raises(TokenReplayed):
        gate.admit(token, is_local=False)


def test_the_local_name_counts_only_on_this_machine() -> None:
    gate, device = _gate(), new_identity()
    gate.admit(token_for(device, LOCAL, NOW), is_local=True)
    gate.admit(token_for(device, ORIGIN, NOW), is_local=True)
    with pytest.raises(TokenInvalid, match="another relay"):
        gate.admit(token_for(device, LOCAL, NOW), is_local=False)


@pytest.mark.parametrize("at", [NOW - 1_000, NOW + 1_000])
def test_a_wrong_clock_is_told_the_time(at: float) -> None:
    with pytest.raises(ClockSkew) as caught:
        _gate().admit(token_for(new_identity(), ORIGIN, at), is_local=False)
    assert caught.value.server_time == int(NOW)


def test_bearers() -> None:
    assert bearer("Bearer abc") == bearer("bearer  abc ") == "abc"
    for value in (None, "", "abc", "Basic abc"):
        with pytest.raises(TokenInvalid):
            bearer(value)


def test_the_operators_token_is_drawn_once_and_private(tmp_path: Path) -> None:
    token = operator_token(tmp_path)
    assert operator_token(tmp_path) == token
    assert len(token) >= 32
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    OperatorGate(token).admit(f"Bearer {token}")
    for wrong in (None, "Bearer ", f"Bearer {token}x", "Bearer é"):
        with pytest.raises(NotAnOperator):
            OperatorGate(token).admit(wrong)
