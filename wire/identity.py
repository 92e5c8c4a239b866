"""Who a device is: two key pairs, the id that names them, and the token that proves them to a relay.

A device signs with Ed25519 and agrees keys with X25519. Its id is a hash of both public keys, so nobody can put other
keys under an id, and a relay needs to store nothing about it. The token is a JWT (EdDSA, RFC 8037) that the device
signs itself: it carries the public keys, is meant for one relay, lives a minute and is accepted once.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from wire.errors import ClockSkew, Malformed, SealBroken, TokenInvalid, TokenReplayed

RAW_KEY_BYTES = 32
DEVICE_ID_LENGTH = 26
TOKEN_LIFE_SECONDS = 60
CLOCK_LEEWAY_SECONDS = 30
"""How far a device's clock may be off, either way, before it is told so."""
MAX_TOKEN_LENGTH = 4096
JTI_BYTES = 16

_FINGERPRINT_GROUP = 5
_JWS_PARTS = 3
_HEADER = "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9"
"""base64url of {"alg":"EdDSA","typ":"JWT"}."""
_NOT_OURS = "The token is not a JWT signed by the device that it names."


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """A device as others know it: its raw Ed25519 and X25519 public keys, 32 bytes each."""

    sign: bytes
    agree: bytes

    def __post_init__(self) -> None:
        if len(self.sign) != RAW_KEY_BYTES or len(self.agree) != RAW_KEY_BYTES:
            raise Malformed(f"A public key has {RAW_KEY_BYTES} bytes.")

    @property
    def device_id(self) -> str:
        """First 26 characters of the lower-case base32 of SHA-256(sign ‖ agree): 130 bits."""
        digest = hashlib.sha256(self.sign + self.agree).digest()
        return base64.b32encode(digest).decode("ascii").lower()[:DEVICE_ID_LENGTH]

    @property
    def fingerprint(self) -> str:
        """The device id in groups of five, for two people to read to each other."""
        starts = range(0, DEVICE_ID_LENGTH, _FINGERPRINT_GROUP)
        return " ".join(self.device_id[at : at + _FINGERPRINT_GROUP] for at in starts)

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Whether this device signed `data`."""
        try:
            Ed25519PublicKey.from_public_bytes(self.sign).verify(signature, data)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class Identity:
    """A device as it knows itself. `sign_seed` and `agree_seed` are its secrets, 32 random bytes each."""

    sign_seed: bytes
    agree_seed: bytes

    def __post_init__(self) -> None:
        if len(self.sign_seed) != RAW_KEY_BYTES or len(self.agree_seed) != RAW_KEY_BYTES:
            raise Malformed(f"A device is made of two secrets of {RAW_KEY_BYTES} bytes.")

    @classmethod
    def from_bytes(cls, secret: bytes) -> "Identity":
        """The device whose `to_bytes` gave `secret`; also a new one from 64 random bytes."""
        if len(secret) != 2 * RAW_KEY_BYTES:
            raise Malformed(f"A device's secret has {2 * RAW_KEY_BYTES} bytes; its key file is damaged.")
        return cls(secret[:RAW_KEY_BYTES], secret[RAW_KEY_BYTES:])

    def to_bytes(self) -> bytes:
        """Both secrets, 64 bytes, for a key file or a keyring."""
        return self.sign_seed + self.agree_seed

    def __repr__(self) -> str:
        """Without the secrets: identities end up in logs and test reports."""
        return f"Identity({self.device_id})"

    @cached_property
    def public(self) -> PublicKeys:
        """What others may know."""
        sign, agree = self._sign_key.public_key(), self._agree_key.public_key()
        return PublicKeys(sign.public_bytes_raw(), agree.public_bytes_raw())

    @property
    def device_id(self) -> str:
        """See PublicKeys.device_id."""
        return self.public.device_id

    def sign(self, data: bytes) -> bytes:
        """An Ed25519 signature, 64 bytes."""
        return self._sign_key.sign(data)

    def agree(self, peer: PublicKeys) -> bytes:
        """The X25519 secret shared with `peer`, 32 bytes; SealBroken when the peer's key is of low order."""
        try:
            return self._agree_key.exchange(X25519PublicKey.from_public_bytes(peer.agree))
        except ValueError:
            raise SealBroken("The other device's public key is unusable; pair it again.") from None

    @cached_property
    def _sign_key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.sign_seed)

    @cached_property
    def _agree_key(self) -> X25519PrivateKey:
        return X25519PrivateKey.from_private_bytes(self.agree_seed)


@dataclass(frozen=True, slots=True)
class Proof:
    """What a good token proves. Keep (device_id, jti) until `expires` and refuse it meanwhile: see SeenTokens."""

    device_id: str
    keys: PublicKeys
    jti: str
    expires: int
    """Unix seconds after which verify_token refuses it, leeway included."""


def make_token(identity: Identity, audience: str, now: int, jti: bytes) -> str:
    """A JWT for the relay whose origin is `audience`; `now` in Unix seconds, `jti` 16 random bytes.

    Claims in canonical form: sorted keys, no spaces, so that equal inputs give equal tokens.
    """
    if len(jti) != JTI_BYTES:
        raise Malformed(f"A token id has {JTI_BYTES} random bytes.")
    claims = {
        "agr": _b64(identity.public.agree),
        "aud": audience,
        "exp": now + TOKEN_LIFE_SECONDS,
        "iat": now,
        "iss": identity.device_id,
        "jti": _b64(jti),
        "sgn": _b64(identity.public.sign),
    }
    signed = f"{_HEADER}.{_b64(json.dumps(claims, separators=(',', ':')).encode())}"
    return f"{signed}.{_b64(identity.sign(signed.encode()))}"


def verify_token(token: str, audience: str, now: int) -> Proof:
    """What `token` proves to the relay whose origin is `audience`, at `now` in Unix seconds.

    TokenInvalid says what is wrong; ClockSkew only after everything else was found right, since it tells the time.
    """
    keys = _claimed_keys(token)
    claims = _signed_claims(token, keys)
    if claims.get("iss") != keys.device_id:
        raise TokenInvalid("The token's id does not name its keys; the device must make a new token.")
    if claims.get("aud") != audience:
        raise TokenInvalid(f"The token was made for another relay; this one is {audience}. Check the relay's URL.")
    jti = claims.get("jti")
    if not isinstance(jti, str) or len(_unb64(jti)) != JTI_BYTES:
        raise TokenInvalid("The token has no usable jti; the device must make a new token.")
    return Proof(keys.device_id, keys, jti, _check_times(claims, now))


def _claimed_keys(token: str) -> PublicKeys:
    if len(token) > MAX_TOKEN_LENGTH:
        raise TokenInvalid(f"The token is longer than {MAX_TOKEN_LENGTH} characters.")
    claims = _claims(token)
    sign, agree = claims.get("sgn"), claims.get("agr")
    if not isinstance(sign, str) or not isinstance(agree, str):
        raise TokenInvalid("The token carries no keys (sgn, agr).")
    try:
        return PublicKeys(_unb64(sign), _unb64(agree))
    except Malformed as error:
        raise TokenInvalid(error.message) from None


def _signed_claims(token: str, keys: PublicKeys) -> Mapping[str, object]:
    signed, _, signature = token.rpartition(".")
    try:
        if keys.verifies(_unb64(signature), signed.encode()):
            return _claims(token)
    except ValueError:
        raise TokenInvalid("The token's signing key is unusable.") from None
    raise TokenInvalid(_NOT_OURS)


def _claims(token: str) -> Mapping[str, object]:
    """What a token in JWS compact form says, believed or not.

    There is one algorithm, so a header that names another is refused before any key is touched; one with `crit` asks
    for what nobody here knows (RFC 7515 §4.1.11).
    """
    parts = token.split(".")
    if len(parts) != _JWS_PARTS or not token.isascii():
        raise TokenInvalid(_NOT_OURS)
    header, claims = _object(parts[0]), _object(parts[1])
    if header.get("alg") != "EdDSA" or "crit" in header:
        raise TokenInvalid(_NOT_OURS)
    return claims


def _object(part: str) -> Mapping[str, object]:
    try:
        value: object = json.loads(_unb64(part))
    except (ValueError, RecursionError):
        raise TokenInvalid(_NOT_OURS) from None
    if not isinstance(value, dict):
        raise TokenInvalid(_NOT_OURS)
    return value


def _check_times(claims: Mapping[str, object], now: int) -> int:
    issued, expires = claims.get("iat"), claims.get("exp")
    # bool is an int, and JSON's true would pass for second 1.
    if type(issued) is not int or type(expires) is not int or not 0 < expires - issued <= TOKEN_LIFE_SECONDS:
        raise TokenInvalid(f"The token must carry iat and exp, at most {TOKEN_LIFE_SECONDS} seconds apart.")
    if issued > now + CLOCK_LEEWAY_SECONDS:
        raise ClockSkew(f"The device's clock is {issued - now} s ahead of the relay's; correct it.", now)
    if expires + CLOCK_LEEWAY_SECONDS <= now:
        raise ClockSkew(f"The token ended {now - expires} s ago; correct the device's clock or make a new token.", now)
    return expires + CLOCK_LEEWAY_SECONDS


class SeenTokens:
    """The tokens that a verifier accepted and that have not expired: each is good once.

    Bounded by the life of a token: what expired is dropped, because verify_token refuses it anyway.
    """

    def __init__(self) -> None:
        self._expires: dict[tuple[str, str], int] = {}

    def __len__(self) -> int:
        """How many tokens are remembered."""
        return len(self._expires)

    def admit(self, proof: Proof, now: int) -> None:
        """Remembers the token; TokenReplayed when it was admitted before. `now` in Unix seconds."""
        token = (proof.device_id, proof.jti)
        if token in self._expires:
            raise TokenReplayed("This token was used before; a device makes a new one for every link.")
        self._drop_expired(now)
        self._expires[token] = proof.expires

    def _drop_expired(self, now: int) -> None:
        # Lives are equal, so insertion order is nearly expiry order; a device's early clock delays this by seconds.
        while self._expires:
            oldest = next(iter(self._expires))
            if self._expires[oldest] > now:
                return
            del self._expires[oldest]


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _unb64(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise TokenInvalid("The token carries something that is not base64url.") from None
