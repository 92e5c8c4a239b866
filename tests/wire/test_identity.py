import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from wire.errors import ClockSkew, Malformed, SealBroken, TokenInvalid, TokenReplayed
from wire.identity import (
    CLOCK_LEEWAY_SECONDS,
    MAX_TOKEN_LENGTH,
    TOKEN_LIFE_SECONDS,
    Identity,
    Proof,
    PublicKeys,
    SeenTokens,
    make_token,
    verify_token,
)

PHONE = Identity.from_bytes(bytes(range(64)))
OTHER = Identity.from_bytes(bytes(range(64, 128)))
RELAY = "https://relay.example"
NOW = 1_800_000_000
JTI = bytes(range(16))


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def forged(changes: dict[str, object], key: Identity = PHONE) -> str:
    """A token signed by `key` whose claims differ from a good one; a claim that is None is left out."""
    claims = claims_of(make_token(PHONE, RELAY, NOW, JTI)) | changes
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, Ed25519PrivateKey.from_private_bytes(key.sign_seed), algorithm="EdDSA")


# --- who a device is --------------------------------------------------------------------------------------------------


def test_a_device_is_its_64_secret_bytes() -> None:
    assert Identity.from_bytes(PHONE.to_bytes()) == PHONE
    assert Identity.from_bytes(PHONE.to_bytes()).device_id == PHONE.device_id
    assert PHONE.device_id != OTHER.device_id


def test_an_id_names_both_keys() -> None:
    swapped = PublicKeys(PHONE.public.sign, OTHER.public.agree)
    assert len({PHONE.device_id, OTHER.device_id, swapped.device_id}) == 3
    assert len(PHONE.device_id) == 26
    assert set(PHONE.device_id) <= set("abcdefghijklmnopqrstuvwxyz234567")


def test_a_fingerprint_is_the_id_for_reading_aloud() -> None:
    assert PHONE.public.fingerprint.replace(" ", "") == PHONE.device_id
    assert max(map(len, PHONE.public.fingerprint.split())) == 5


def test_secrets_do_not_show() -> None:
    assert PHONE.device_id in repr(PHONE)
    assert repr(PHONE.sign_seed) not in repr(PHONE)


def test_signatures_are_the_devices_own() -> None:
    signature = PHONE.sign(b"text")
    assert PHONE.public.verifies(signature, b"text")
    assert not PHONE.public.verifies(signature, b"other text")
    assert not OTHER.public.verifies(signature, b"text")


def test_both_agree_on_the_same_secret() -> None:
    assert PHONE.agree(OTHER.public) == OTHER.agree(PHONE.public)


def test_a_key_of_low_order_is_refused() -> None:
    with pytest.raises(SealBroken):
        PHONE.agree(PublicKeys(OTHER.public.sign, bytes(32)))


@pytest.mark.parametrize("length", [0, 63, 65])
def test_a_damaged_key_file_is_refused(length: int) -> None:
    with pytest.raises(Malformed, match="64 bytes"):
        Identity.from_bytes(bytes(length))


def test_keys_have_32_bytes() -> None:
    with pytest.raises(Malformed):
        PublicKeys(bytes(31), bytes(32))
    with pytest.raises(Malformed):
        Identity(bytes(32), bytes(33))


# --- the token --------------------------------------------------------------------------------------------------------


def test_a_good_token_proves_the_device_and_its_keys() -> None:
    proof = verify_token(make_token(PHONE, RELAY, NOW, JTI), RELAY, NOW)
    assert (proof.device_id, proof.keys) == (PHONE.device_id, PHONE.public)
    assert proof.expires == NOW + TOKEN_LIFE_SECONDS + CLOCK_LEEWAY_SECONDS


def test_equal_inputs_give_equal_tokens() -> None:
    token = make_token(PHONE, RELAY, NOW, JTI)
    assert token == make_token(PHONE, RELAY, NOW, JTI)
    body = base64.urlsafe_b64decode(token.split(".")[1] + "==")
    assert body == json.dumps(claims_of(token), sort_keys=True, separators=(",", ":")).encode()


@pytest.mark.parametrize("drift", [-CLOCK_LEEWAY_SECONDS, 0, TOKEN_LIFE_SECONDS + CLOCK_LEEWAY_SECONDS - 1])
def test_clocks_may_differ_a_little(drift: int) -> None:
    assert verify_token(make_token(PHONE, RELAY, NOW, JTI), RELAY, NOW + drift).device_id == PHONE.device_id


@pytest.mark.parametrize(
    "drift", [-CLOCK_LEEWAY_SECONDS - 1, TOKEN_LIFE_SECONDS + CLOCK_LEEWAY_SECONDS, -(10**6), 10**6]
)
def test_a_token_of_another_time_is_told_the_time(drift: int) -> None:
    with pytest.raises(ClockSkew) as refusal:
        verify_token(make_token(PHONE, RELAY, NOW, JTI), RELAY, NOW + drift)
    assert refusal.value.server_time == NOW + drift


BAD_CLAIMS: list[dict[str, object]] = [
    {"aud": "https://other.example"},
    {"aud": [RELAY]},
    {"aud": None},
    {"iss": OTHER.device_id},
    {"iss": None},
    {"agr": base64.urlsafe_b64encode(OTHER.public.agree).decode().rstrip("=")},
    {"agr": "AAAA"},
    {"agr": None},
    {"agr": 7},
    {"sgn": "!"},
    {"sgn": None},
    {"jti": None},
    {"jti": ""},
    {"jti": "AAAA"},
    {"jti": 5},
    {"exp": NOW + TOKEN_LIFE_SECONDS + 1},
    {"exp": NOW},
    {"exp": None},
    {"exp": float(NOW + 1)},
    {"exp": "soon"},
    {"iat": None},
    {"iat": True},
]


@pytest.mark.parametrize("change", BAD_CLAIMS, ids=str)
def test_a_token_with_a_bad_claim_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(TokenInvalid) as refusal:
        verify_token(forged(change), RELAY, NOW)
    assert not isinstance(refusal.value, ClockSkew)


def test_a_token_signed_by_another_device_is_refused() -> None:
    with pytest.raises(TokenInvalid, match="signed by the device"):
        verify_token(forged({}, OTHER), RELAY, NOW)


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_no_other_algorithm_is_accepted(algorithm: str) -> None:
    claims = claims_of(make_token(PHONE, RELAY, NOW, JTI))
    key = "" if algorithm == "none" else base64.urlsafe_b64encode(PHONE.public.sign).decode()
    with pytest.raises(TokenInvalid):
        verify_token(jwt.encode(claims, key, algorithm=algorithm), RELAY, NOW)


def test_a_stranger_learns_nothing_of_the_clock() -> None:
    with pytest.raises(TokenInvalid) as refusal:
        verify_token(forged({"iat": NOW + 10**6, "exp": NOW + 10**6 + 60}, OTHER), RELAY, NOW)
    assert not isinstance(refusal.value, ClockSkew)


def test_an_oversized_token_is_refused_before_it_is_read() -> None:
    with pytest.raises(TokenInvalid, match="longer"):
        verify_token("a" * (MAX_TOKEN_LENGTH + 1), RELAY, NOW)


@given(st.one_of(st.text(max_size=80), st.from_regex(r"[\w-]{0,40}\.[\w-]{0,40}\.[\w-]{0,40}", fullmatch=True)))
def test_anything_else_is_refused_in_the_same_way(text: str) -> None:
    with pytest.raises(TokenInvalid):
        verify_token(text, RELAY, NOW)


def test_a_body_nested_deep_is_refused() -> None:
    body = base64.urlsafe_b64encode(b"[" * 2500).decode().rstrip("=")
    with pytest.raises(TokenInvalid):
        verify_token(f"eyJhbGciOiJFZERTQSJ9.{body}.AA", RELAY, NOW)


@given(st.data())
def test_a_changed_character_breaks_the_token(data: st.DataObject) -> None:
    token = make_token(PHONE, RELAY, NOW, JTI)
    at = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from("Aa0-_.")).replace(token[at], "Z")
    changed = token[:at] + letter + token[at + 1 :]
    try:
        proof = verify_token(changed, RELAY, NOW)
    except TokenInvalid:
        return
    # base64 leaves spare bits in a last character; then it is the same token, with the same jti.
    assert proof == verify_token(token, RELAY, NOW)


# --- once -------------------------------------------------------------------------------------------------------------


def proof(jti: str, expires: int, identity: Identity = PHONE) -> Proof:
    return Proof(identity.device_id, identity.public, jti, expires)


def test_a_token_is_good_once_for_its_device() -> None:
    seen = SeenTokens()
    seen.admit(proof("a", NOW + 60), NOW)
    seen.admit(proof("b", NOW + 60), NOW)
    seen.admit(proof("a", NOW + 60, OTHER), NOW)
    with pytest.raises(TokenReplayed):
        seen.admit(proof("a", NOW + 60), NOW + 59)


def test_memory_holds_no_more_than_what_could_be_replayed() -> None:
    seen = SeenTokens()
    for second in range(1000):
        seen.admit(proof(str(second), NOW + second + 60), NOW + second)
    assert len(seen) <= 61


def _joined(header: object, claims: object, key: Identity) -> str:
    """A token of any header and claims, signed rightly."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims)]
    signed = ".".join(parts)
    signature = base64.urlsafe_b64encode(key.sign(signed.encode())).rstrip(b"=").decode()
    return f"{signed}.{signature}"


def test_another_implementation_of_jwt_agrees_about_our_tokens() -> None:
    token = make_token(PHONE, RELAY, NOW, JTI)
    key = Ed25519PrivateKey.from_private_bytes(PHONE.sign_seed)
    claims = jwt.decode(
        token,
        key.public_key(),
        algorithms=["EdDSA"],
        audience=RELAY,
        options={"verify_exp": False, "verify_iat": False},
    )
    assert claims["iss"] == PHONE.device_id
    assert jwt.encode(claims, key, "EdDSA") == token


@pytest.mark.parametrize(
    "header",
    [{"alg": "none"}, {"alg": "eddsa"}, {"alg": ["EdDSA"]}, {"alg": "EdDSA", "crit": ["exp"]}, {}, [], "EdDSA", None],
    ids=str,
)
def test_a_header_that_asks_for_anything_else_is_refused(header: object) -> None:
    claims = claims_of(make_token(PHONE, RELAY, NOW, JTI))
    assert verify_token(_joined({"alg": "EdDSA"}, claims, PHONE), RELAY, NOW).device_id == PHONE.device_id
    with pytest.raises(TokenInvalid):
        verify_token(_joined(header, claims, PHONE), RELAY, NOW)


@pytest.mark.parametrize(
    "token", ["", ".", "..", "...", "a.b.c", "é.é.é", "e30.e30.", "e30.e30.e30.e30", "[]", "W10.W10."]
)
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(TokenInvalid):
        verify_token(token, RELAY, NOW)


@given(st.integers(0, 400), st.integers(1, 255))
def test_a_token_with_one_byte_changed_is_refused(at: int, change: int) -> None:
    token = bytearray(make_token(PHONE, RELAY, NOW, JTI).encode())
    at %= len(token) - 1  # the last character carries bits that mean nothing
    token[at] ^= change
    with pytest.raises(TokenInvalid):
        verify_token(token.decode("latin-1"), RELAY, NOW)
