"""The known answers of docs/test-vectors.json, computed. `python -m tests.wire.vectors` prints the file anew.

All inputs are fixed: seeds and nonces are SHA-256 of a word, so that anybody can make them.
"""

import hashlib
import json
from typing import TypeAlias

from wire import calls, digest, identity, log, names, pairing, sealing

Json: TypeAlias = "str | int | list[Json] | dict[str, Json]"

NOW_MS = 1_800_000_000_000
AUDIENCE = "https://relay.example"


def word(text: str, size: int = 32) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:size]


DESK = identity.Identity(word("workstation sign"), word("workstation agree"))
PHONE = identity.Identity(word("phone sign"), word("phone agree"))
NAME_KEY = word("name key")
EPOCH = log.new_epoch(NOW_MS, word("log epoch", 10))
ORIGIN = sealing.Origin(DESK.device_id, EPOCH)
RING = sealing.KeyRing(
    NAME_KEY, (sealing.EpochKey(1, word("epoch key 1"), 0), sealing.EpochKey(2, word("epoch key 2"), 100))
)
CALL_ID = calls.uuid7(NOW_MS, word("call id", 10))
EXPIRES_MS = NOW_MS + 30_000
NONCE = word("nonce", 12)
PLAINTEXT = b"the plaintext"
PART = names.part("ses_1", "msg_2", "prt_3")


def fixed(size: int) -> bytes:
    return NONCE[:size]


def compute() -> dict[str, Json]:
    """Everything in the file; bytes as lower-case hex."""
    return {
        "devices": [device("workstation", DESK), device("phone", PHONE)],
        "token": token(),
        "names": name_keys(),
        "log_epoch": {"now_ms": NOW_MS, "random": word("log epoch", 10).hex(), "log_epoch": EPOCH.hex()},
        "call_id": {"now_ms": NOW_MS, "random": word("call id", 10).hex(), "call_id": CALL_ID.hex()},
        "key_ring": key_ring(),
        "sealed": [record(), volatile(), head(), grant(), call(), reply()],
        "digest": digests(),
        "pairing": exchange(),
    }


def device(role: str, of: identity.Identity) -> Json:
    return {
        "role": role,
        "sign_seed": of.sign_seed.hex(),
        "agree_seed": of.agree_seed.hex(),
        "sign_public": of.public.sign.hex(),
        "agree_public": of.public.agree.hex(),
        "device_id": of.device_id,
    }


def token() -> Json:
    now, jti = NOW_MS // 1000, word("jti", 16)
    return {
        "device": "phone",
        "audience": AUDIENCE,
        "now": now,
        "jti": jti.hex(),
        "token": identity.make_token(PHONE, AUDIENCE, now, jti),
    }


def name_keys() -> Json:
    shown = [names.WORKSTATION, names.session("ses_1"), names.todos("ses_1"), PART, names.grant(PHONE.device_id)]
    keys: list[Json] = [{"name": name, "key": names.opaque_key(NAME_KEY, name).hex()} for name in shown]
    return {"name_key": NAME_KEY.hex(), "keys": keys}


def key_ring() -> Json:
    keys: list[Json] = [
        {
            "number": key.number,
            "first_seq": key.first_seq,
            "secret": key.secret.hex(),
            "record_key": key.record_key.hex(),
            "volatile_key": key.volatile_key.hex(),
            "head_key": key.head_key.hex(),
        }
        for key in RING.keys
    ]
    return {"keys": keys, "packed": RING.pack().hex()}


def sealed(kind: str, key: bytes, data: bytes, plaintext: bytes, result: bytes, **inputs: Json) -> Json:
    return {
        "kind": kind,
        **inputs,
        "key": key.hex(),
        "nonce": NONCE.hex(),
        "associated_data": data.hex(),
        "plaintext": plaintext.hex(),
        "sealed": result.hex(),
    }


def record() -> Json:
    key, name = RING.key_for(99), names.opaque_key(NAME_KEY, PART)
    data = sealing.bound("record", DESK.device_id, EPOCH, 1, 99, name)
    result = sealing.seal_record(key, ORIGIN, 99, name, PLAINTEXT, random=fixed)
    return sealed("record", key.record_key, data, PLAINTEXT, result, key_epoch=1, seq=99, name=name.hex())


def volatile() -> Json:
    focus = names.opaque_key(NAME_KEY, names.session("ses_1"))
    data = sealing.bound("volatile", DESK.device_id, EPOCH, 2, focus)
    result = sealing.seal_volatile(RING.newest, ORIGIN, focus, PLAINTEXT, random=fixed)
    return sealed("volatile", RING.newest.volatile_key, data, PLAINTEXT, result, key_epoch=2, focus=focus.hex())


def head() -> Json:
    data = sealing.bound("head", DESK.device_id, EPOCH, 2)
    result = sealing.seal_head(RING.newest, ORIGIN, log.Head(123, NOW_MS), random=fixed)
    plaintext = (123).to_bytes(8) + NOW_MS.to_bytes(8)
    return sealed("head", RING.newest.head_key, data, plaintext, result, key_epoch=2, seq=123, time_ms=NOW_MS)


def digests() -> Json:
    """Two records, and the head that vouches for them."""
    summed, places = digest.Digest(RING.digest_key), ((99, PART), (123, names.session("ses_1")))
    records: list[Json] = []
    for seq, name in places:
        key = names.opaque_key(NAME_KEY, name)
        summed.swap(key, digest.NOTHING, seq)
        records.append({"seq": seq, "key": key.hex(), "digest": summed.value.hex()})
    result = sealing.seal_head(RING.newest, ORIGIN, log.Head(123, NOW_MS), summed.value)
    return {
        "digest_key": RING.digest_key.hex(),
        "records": records,
        "word_key": RING.newest.word_key.hex(),
        "said": sealing.bound("head word", DESK.device_id, EPOCH, 2, 123, NOW_MS).hex(),
        "nonce": result[4:16].hex(),
        "head": result.hex(),
    }


def pairwise_key(label: str, sender: identity.Identity, receiver: identity.Identity) -> bytes:
    info = sealing.bound(f"{label} key", sender.device_id, receiver.device_id)
    return sealing.derive(sender.agree(receiver.public), info)


def grant() -> Json:
    data = sealing.bound("grant", DESK.device_id, PHONE.device_id, EPOCH, 2)
    result = sealing.Channel(DESK, PHONE.public, fixed).seal_grant(EPOCH, RING)
    return sealed("grant", pairwise_key("grant", DESK, PHONE), data, RING.pack(), result, key_epoch=2)


def call() -> Json:
    data = sealing.bound("call", PHONE.device_id, DESK.device_id, CALL_ID, EXPIRES_MS)
    result = sealing.Channel(PHONE, DESK.public, fixed).seal_call(CALL_ID, EXPIRES_MS, PLAINTEXT)
    return sealed("call", pairwise_key("call", PHONE, DESK), data, PLAINTEXT, result, expires_ms=EXPIRES_MS)


def reply() -> Json:
    data = sealing.bound("reply", DESK.device_id, PHONE.device_id, CALL_ID, EXPIRES_MS)
    result = sealing.Channel(DESK, PHONE.public, fixed).seal_reply(CALL_ID, EXPIRES_MS, PLAINTEXT)
    return sealed("reply", pairwise_key("reply", DESK, PHONE), data, PLAINTEXT, result, expires_ms=EXPIRES_MS)


def exchange() -> Json:
    shown = pairing.Secrets("482913", word("link secret", 16))
    code, link = pairing.Code("7", shown.digits), pairing.Link(AUDIENCE, "7", shown.link)
    return {
        "code": str(code),
        "link_secret": shown.link.hex(),
        "link": str(link),
        "with_digits": steps(shown, shown.digits),
        "with_link": steps(shown, shown.link),
    }


def entropy(text: str) -> bytes:
    return word(text) + word(text + " again")


def steps(shown: pairing.Secrets, secret: str | bytes) -> Json:
    guest = pairing.Guest("7", secret, b"guest introduction", 0, random=lambda _: entropy("guest scalar"))
    host = pairing.Host("7", shown, 0, random=lambda _: entropy("host scalar"))
    second = host.receive(guest.first_step, 1).send or b""
    third = guest.receive(second, 1).send or b""
    host.receive(third, 1)
    fourth = host.welcome(b"host introduction")
    return {
        "guest_entropy": entropy("guest scalar").hex(),
        "host_entropy": entropy("host scalar").hex(),
        "guest_introduction": b"guest introduction".hex(),
        "host_introduction": b"host introduction".hex(),
        "steps": [step.hex() for step in (guest.first_step, second, third, fourth)],
    }


def text() -> str:
    """The file, byte for byte."""
    return json.dumps(compute(), indent=2) + "\n"


if __name__ == "__main__":
    print(text(), end="")  # noqa: T201 - this program's purpose
