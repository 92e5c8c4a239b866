"""How an app and a workstation come to know each other's keys from a short code, past a relay they do not trust.

    guest (the app)                                          host (the workstation)
    1  secret kind, SPAKE2 message            ─────────►
                                              ◄─────────  2  SPAKE2 message, host's confirmation
    3  guest's confirmation, introduction     ─────────►
                                                             (lists the guest)
                                              ◄─────────  4  host's introduction

Both sides run SPAKE2 (RFC 9382, the parameters of the `spake2` package over Ed25519) with the secret: the six digits
of the code, or the 128 bits of the link. A confirmation proves the key and everything said so far; introductions are
sealed under keys of their own and opaque here (callers encode `pairing/v1` messages). Nothing that depends on the
secret can be tried offline, and a wrong secret is found out before either side says who it is.

One guess: whatever goes wrong burns the code, on both sides. Three burnt codes stop pairing until a person starts it
again (BurntCodes). `Host` and `Guest` are counterparts; each `receive` takes one step of the peer and returns a Turn.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from enum import Enum, auto

from spake2 import SPAKE2_A, SPAKE2_B, SPAKEError
from spake2.ed25519_basic import NotOnCurve

from wire.errors import Malformed, PairingExpired, PairingFailed, SealBroken
from wire.sealing import Random, bound, derive, open_once, seal_once

LIFE_MS = 5 * 60 * 1000
CODE_DIGITS = 6
LINK_SECRET_BYTES = 16
MAX_BURNT_CODES = 3
MAX_STEP_BYTES = 4096
MAX_RELAY_LENGTH = 256
LINK_PATH = "/pair#"

_CODE = re.compile(rf"([0-9]{{1,4}})-([0-9]{{{CODE_DIGITS}}})", re.ASCII)
_NAMEPLATE = re.compile(r"[0-9]{1,4}", re.ASCII)
_ORIGIN = re.compile(r"(https?://[^\s/?#@]+)?", re.ASCII)
_ELEMENT_BYTES = 33
_CONFIRMATION_BYTES = 32
_HOST_ID = b"halyard pairing host v1"
_GUEST_ID = b"halyard pairing guest v1"


# --- what people and cameras carry over -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Code:
    """What a person reads and types: `7-482913` = the slot's nameplate and six secret digits."""

    nameplate: str
    digits: str = field(repr=False)

    def __str__(self) -> str:
        """As it is shown."""
        return f"{self.nameplate}-{self.digits}"


def parse_code(text: str) -> Code:
    """The code in what somebody typed: blanks anywhere and any dash are forgiven; Malformed otherwise."""
    compact = re.sub(r"\s", "", text).translate(dict.fromkeys(map(ord, "‐‑‒–—−_."), "-"))
    match = _CODE.fullmatch(compact)
    if match is None:
        raise Malformed("A pairing code looks like 7-482913; type it as the workstation shows it.")
    return Code(*match.groups())


@dataclass(frozen=True, slots=True)
class Link:
    """What the QR code holds: where to meet (relay origin, nameplate) and a 128-bit secret."""

    relay: str
    """For example `https://relay.example:8443`; empty when only the part from `/pair#` was at hand."""
    nameplate: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != LINK_SECRET_BYTES or _NAMEPLATE.fullmatch(self.nameplate) is None:
            raise Malformed("This pairing link is damaged; show it again with `agentd pair`.")
        if len(self.relay) > MAX_RELAY_LENGTH or _ORIGIN.fullmatch(self.relay) is None:
            raise Malformed("A pairing link begins with the relay's http or https origin; show it again.")

    def __str__(self) -> str:
        """`{relay}/pair#n={nameplate}&k={secret in base64url without padding}`: the secret stays in the browser."""
        secret = base64.urlsafe_b64encode(self.secret).rstrip(b"=").decode("ascii")
        return f"{self.relay}{LINK_PATH}n={self.nameplate}&k={secret}"


def parse_link(text: str) -> Link:
    """The link in a whole URL or in its part from `/pair#`; fields other than n and k are for later releases."""
    relay, mark, fragment = text.strip().partition(LINK_PATH)
    fields = dict(part.partition("=")[::2] for part in fragment.split("&"))
    if not mark or not {"n", "k"} <= fields.keys():
        raise Malformed("This is not a pairing link; scan the QR code that `agentd pair` shows.")
    return Link(relay, fields["n"], _link_secret(fields["k"]))


def _link_secret(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("This pairing link is damaged; scan it again.") from None


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the host shows in both forms; a guest proves to know one of them."""

    digits: str = field(repr=False)
    link: bytes = field(repr=False)


def draw_secrets(random: Random = secrets.token_bytes) -> Secrets:
    """Fresh secrets: six digits without bias worth naming (64 random bits modulo 10**6) and 16 bytes."""
    number = int.from_bytes(random(8)) % 10**CODE_DIGITS
    return Secrets(f"{number:0{CODE_DIGITS}d}", random(LINK_SECRET_BYTES))


@dataclass(frozen=True, slots=True)
class BurntCodes:
    """How many codes were burnt in a row. A value: the host keeps it until a person starts pairing again."""

    count: int = 0

    @property
    def may_show_another(self) -> bool:
        """False after three: somebody guesses, or something is broken; a person must look."""
        return self.count < MAX_BURNT_CODES

    def burnt(self) -> "BurntCodes":
        """After one more."""
        return BurntCodes(self.count + 1)

    def cleared(self) -> "BurntCodes":
        """After a success, or when a person starts pairing again."""
        return BurntCodes()


# --- the exchange -----------------------------------------------------------------------------------------------------


class Phase(Enum):
    """Where one side of the exchange is."""

    OPEN = auto()
    """Nothing was received; a host's code can still be used."""
    KEYED = auto()
    """The other side's SPAKE2 message was received and the own one sent."""
    MET = auto()
    """Host only: the guest is known and proven, and waits for `welcome`."""
    PAIRED = auto()
    EXPIRED = auto()
    """Five minutes passed and nobody had come; nothing was guessed."""
    BURNT = auto()
    """Something went wrong after the other side had come; no step will be taken any more."""


class _Kind(bytes, Enum):
    """Which secret the guest has: the first byte of its first step."""

    DIGITS = b"d"
    LINK = b"l"


ABORT = b"\x00"
"""The step that ends the other side too. Whoever carries the steps can forge it, as they can cut the line."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What came of one step: the step to send back, and the peer's introduction, when there is one."""

    send: bytes | None = None
    introduction: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Keys:
    """What both sides have in common once SPAKE2 is through, all bound to everything said so far."""

    host_confirmation: bytes
    guest_confirmation: bytes
    host_seal: bytes
    guest_seal: bytes
    said: bytes


def _agree(pake: SPAKE2_A | SPAKE2_B, inbound: bytes, kind: bytes, nameplate: str, elements: bytes) -> _Keys:
    shared = pake.finish(inbound)
    said = hashlib.sha256(bound("pairing transcript", kind, nameplate, elements)).digest()
    return _Keys(
        host_confirmation=derive(shared, bound("pairing host confirmation", said)),
        guest_confirmation=derive(shared, bound("pairing guest confirmation", said)),
        host_seal=derive(shared, bound("pairing host seal", said)),
        guest_seal=derive(shared, bound("pairing guest seal", said)),
        said=said,
    )


class _Side:
    """What host and guest have in common: a phase, a deadline, and one way to fail."""

    def __init__(self, nameplate: str, now_ms: int, random: Random) -> None:
        self.phase = Phase.OPEN
        self._nameplate = nameplate
        self._expires_ms = now_ms + LIFE_MS
        self._random = random
        self._keys: _Keys | None = None

    def left(self) -> None:
        """The other side came and went, or the line broke: burnt, unless the pairing was complete."""
        if self.phase not in (Phase.PAIRED, Phase.EXPIRED):
            self.phase = Phase.BURNT

    def _check(self, step: bytes, now_ms: int) -> None:
        if now_ms >= self._expires_ms and self.phase in (Phase.OPEN, Phase.EXPIRED):
            self.phase = Phase.EXPIRED
            raise PairingExpired("The code is older than five minutes; show a new one.", ABORT)
        if now_ms >= self._expires_ms:
            self.left()
            raise PairingExpired("Pairing took longer than five minutes; show a new code.", ABORT)
        if step == ABORT or len(step) > MAX_STEP_BYTES:
            raise self._failure()

    def _failure(self) -> PairingFailed:
        self.left()
        return PairingFailed(
            "The codes do not match, or somebody interfered. Show a new code and try once more.", ABORT
        )

    def _finish(self, pake: SPAKE2_A | SPAKE2_B, inbound: bytes, kind: bytes, elements: bytes) -> _Keys:
        try:
            self._keys = _agree(pake, inbound, kind, self._nameplate, elements)
        except (SPAKEError, NotOnCurve, ValueError):
            raise self._failure() from None
        return self._keys

    def _confirmed(self, given: bytes, expected: bytes) -> None:
        if not hmac.compare_digest(given, expected):
            raise self._failure()

    def _open(self, key: bytes, data: bytes, sealed: bytes) -> bytes:
        try:
            return open_once(key, data, sealed)
        except SealBroken:
            raise self._failure() from None


class Guest(_Side):
    """The app's side. Send `first_step`, then hand every step of the host to `receive` until `phase` is PAIRED."""

    def __init__(
        self,
        nameplate: str,
        secret: str | bytes,
        introduction: bytes,
        now_ms: int,
        *,
        random: Random = secrets.token_bytes,
    ) -> None:
        """`secret`: the digits of a code (str) or the secret of a link (bytes). `now_ms` of any one clock."""
        super().__init__(nameplate, now_ms, random)
        self._kind = _Kind.DIGITS if isinstance(secret, str) else _Kind.LINK
        self._introduction = introduction
        self._pake = SPAKE2_B(_password(secret), idA=_HOST_ID, idB=_GUEST_ID, entropy_f=random)
        self._element: bytes = self._pake.start()

    @property
    def first_step(self) -> bytes:
        """Step 1: secret kind (1 byte) ‖ SPAKE2 message (33)."""
        return self._kind.value + self._element

    def receive(self, step: bytes, now_ms: int) -> Turn:
        """Takes step 2 or 4. PairingFailed when anything is wrong: send its `last_words` and close."""
        self._check(step, now_ms)
        match self.phase:
            case Phase.OPEN:
                return self._prove(step)
            case Phase.KEYED:
                return self._meet(step)
            case _:
                raise self._failure()

    def _prove(self, step: bytes) -> Turn:
        element, confirmation = step[:_ELEMENT_BYTES], step[_ELEMENT_BYTES:]
        if len(confirmation) != _CONFIRMATION_BYTES:
            raise self._failure()
        keys = self._finish(self._pake, element, self._kind.value, self._element + element)
        self._confirmed(confirmation, keys.host_confirmation)
        self.phase = Phase.KEYED
        sealed = seal_once(keys.guest_seal, bound("pairing guest", keys.said), self._introduction)
        return Turn(send=keys.guest_confirmation + sealed)

    def _meet(self, step: bytes) -> Turn:
        keys = _agreed(self._keys)
        introduction = self._open(keys.host_seal, bound("pairing host", keys.said), step)
        self.phase = Phase.PAIRED
        return Turn(introduction=introduction)


class Host(_Side):
    """The workstation's side. Hand every step of the guest to `receive`; when it returns an introduction, list the
    device, then send what `welcome` returns.
    """

    def __init__(self, nameplate: str, shown: Secrets, now_ms: int, *, random: Random = secrets.token_bytes) -> None:
        """`shown`: the secrets in the code and in the link. `now_ms` of any one clock, when the slot opened."""
        super().__init__(nameplate, now_ms, random)
        self._secrets = shown

    def receive(self, step: bytes, now_ms: int) -> Turn:
        """Takes step 1 or 3. PairingFailed when anything is wrong: send its `last_words`, close, count a burnt code."""
        self._check(step, now_ms)
        match self.phase:
            case Phase.OPEN:
                return self._answer(step)
            case Phase.KEYED:
                return self._meet(step)
            case _:
                raise self._failure()

    def welcome(self, introduction: bytes) -> bytes:
        """Step 4: the guest is listed and may know who this is. The pairing is complete."""
        if self.phase is not Phase.MET:
            raise self._failure()
        self.phase = Phase.PAIRED
        keys = _agreed(self._keys)
        return seal_once(keys.host_seal, bound("pairing host", keys.said), introduction)

    def _answer(self, step: bytes) -> Turn:
        kind, element = step[:1], step[1:]
        if kind not in (_Kind.DIGITS.value, _Kind.LINK.value) or len(element) != _ELEMENT_BYTES:
            raise self._failure()
        secret = self._secrets.digits if kind == _Kind.DIGITS.value else self._secrets.link
        pake = SPAKE2_A(_password(secret), idA=_HOST_ID, idB=_GUEST_ID, entropy_f=self._random)
        own: bytes = pake.start()
        keys = self._finish(pake, element, kind, element + own)
        self.phase = Phase.KEYED
        return Turn(send=own + keys.host_confirmation)

    def _meet(self, step: bytes) -> Turn:
        keys = _agreed(self._keys)
        self._confirmed(step[:_CONFIRMATION_BYTES], keys.guest_confirmation)
        introduction = self._open(keys.guest_seal, bound("pairing guest", keys.said), step[_CONFIRMATION_BYTES:])
        self.phase = Phase.MET
        return Turn(introduction=introduction)


def _password(secret: str | bytes) -> bytes:
    return secret.encode("ascii") if isinstance(secret, str) else secret


def _agreed(keys: _Keys | None) -> _Keys:
    assert keys is not None, "a phase after OPEN has keys"  # noqa: S101 - an invariant of this module, for mypy
    return keys
