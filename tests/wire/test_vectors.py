"""docs/test-vectors.json against this implementation, and against the standard library where that suffices."""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from tests.wire import vectors
from wire import identity, pairing, sealing
from wire.log import Head

DOCS = Path(__file__).parents[2] / "docs"
KNOWN: dict[str, Any] = json.loads((DOCS / "test-vectors.json").read_text("utf-8"))
SEALED: dict[str, dict[str, Any]] = {one["kind"]: one for one in KNOWN["sealed"]}
PHONE_TO_DESK = sealing.Channel(vectors.PHONE, vectors.DESK.public)
DESK_TO_PHONE = sealing.Channel(vectors.DESK, vectors.PHONE.public)


def raw(text: str) -> bytes:
    return bytes.fromhex(text)


def test_the_file_is_what_this_implementation_computes() -> None:
    assert vectors.text() == (DOCS / "test-vectors.json").read_text("utf-8")


def test_the_text_explains_every_part_of_the_file() -> None:
    explained = (DOCS / "test-vectors.md").read_text("utf-8")
    assert [part for part in KNOWN if f"`{part}`" not in explained] == []
    assert [kind for kind in SEALED if f"`{kind}`" not in explained] == []


@pytest.mark.parametrize("device", KNOWN["devices"], ids=lambda device: device["role"])
def test_an_id_is_a_hash_of_both_keys(device: dict[str, str]) -> None:
    digest = hashlib.sha256(raw(device["sign_public"]) + raw(device["agree_public"])).digest()
    assert base64.b32encode(digest).decode().lower()[:26] == device["device_id"]


def test_the_token_verifies_and_its_claims_are_canonical() -> None:
    token = KNOWN["token"]
    proof = identity.verify_token(token["token"], token["audience"], token["now"])
    assert proof.device_id == KNOWN["devices"][1]["device_id"]
    body = base64.urlsafe_b64decode(token["token"].split(".")[1] + "==")
    assert body == json.dumps(json.loads(body), sort_keys=True, separators=(",", ":")).encode()


@pytest.mark.parametrize("entry", KNOWN["names"]["keys"], ids=lambda entry: entry["name"].split("/")[0])
def test_opaque_keys_are_hmacs_and_grants_are_in_clear(entry: dict[str, str]) -> None:
    mac = hmac.digest(raw(KNOWN["names"]["name_key"]), entry["name"].encode(), "sha256")[:16]
    assert raw(entry["key"]) == (entry["name"].encode() if entry["name"].startswith("grants/") else mac)


@pytest.mark.parametrize("key", KNOWN["key_ring"]["keys"], ids=lambda key: f"key {key['number']}")
@pytest.mark.parametrize("use", ["record", "volatile", "head"])
def test_keys_are_hkdf_of_the_epoch_key(key: dict[str, Any], use: str) -> None:
    label = f"halyard {use} key v1".encode()
    extracted = hmac.digest(bytes(32), raw(key["secret"]), "sha256")
    assert raw(key[f"{use}_key"]) == hmac.digest(extracted, len(label).to_bytes(4) + label + b"\x01", "sha256")


def test_the_packed_ring_unpacks() -> None:
    assert sealing.KeyRing.unpack(raw(KNOWN["key_ring"]["packed"])) == vectors.RING


def test_what_is_sealed_in_the_file_opens() -> None:
    ring, origin, call_id = vectors.RING, vectors.ORIGIN, raw(KNOWN["call_id"]["call_id"])
    record, volatile, head = SEALED["record"], SEALED["volatile"], SEALED["head"]
    opened = sealing.open_record(ring, origin, record["seq"], raw(record["name"]), raw(record["sealed"]))
    assert opened == raw(record["plaintext"])
    assert sealing.open_volatile(ring, origin, raw(volatile["focus"]), raw(volatile["sealed"])) == opened
    assert sealing.open_head(ring, origin, raw(head["sealed"])) == Head(head["seq"], head["time_ms"])
    assert PHONE_TO_DESK.open_grant(origin.log_epoch, raw(SEALED["grant"]["sealed"])) == ring
    call, reply = SEALED["call"], SEALED["reply"]
    assert DESK_TO_PHONE.open_call(call_id, call["expires_ms"], raw(call["sealed"])) == opened
    assert PHONE_TO_DESK.open_reply(call_id, reply["expires_ms"], raw(reply["sealed"])) == opened


def test_the_digest_in_the_file_is_made_of_plain_hmacs_and_its_head_vouches_for_it() -> None:
    known, total = KNOWN["digest"], 0
    for record in known["records"]:
        weight = hmac.digest(raw(known["digest_key"]), record["seq"].to_bytes(8) + raw(record["key"]), "sha256")
        total ^= int.from_bytes(weight[:16])
        assert raw(record["digest"]) == total.to_bytes(16)
    said, digest = raw(known["said"]), raw(known["records"][-1]["digest"])
    mark, word = (hmac.digest(raw(known["word_key"]), data, "sha256") for data in (said, said + digest))
    assert raw(known["nonce"]) == mark[:4] + word[:8]
    ring, origin, sealed = vectors.RING, vectors.ORIGIN, raw(known["head"])
    head = sealing.open_head(ring, origin, sealed)
    assert (head.seq, sealed[4:16]) == (known["records"][-1]["seq"], raw(known["nonce"]))
    assert sealing.vouches(ring, origin, sealed, head, raw(known["records"][-1]["digest"]))
    assert sealing.vouches(ring, origin, sealed, head, raw(known["records"][0]["digest"])) is False


def test_code_and_link_lead_to_the_same_slot() -> None:
    known = KNOWN["pairing"]
    assert pairing.parse_code(known["code"]) == pairing.Code("7", "482913")
    assert pairing.parse_link(known["link"]).secret == raw(known["link_secret"])


@pytest.mark.parametrize("way", ["with_digits", "with_link"])
def test_a_guest_that_answers_as_in_the_file_is_let_in(way: str) -> None:
    known = KNOWN["pairing"][way]
    shown = pairing.Secrets("482913", raw(KNOWN["pairing"]["link_secret"]))
    host = pairing.Host("7", shown, 0, random=lambda _: raw(known["host_entropy"]))
    first, second, third, fourth = map(raw, known["steps"])
    assert host.receive(first, 1).send == second
    assert host.receive(third, 1).introduction == raw(known["guest_introduction"])
    assert host.welcome(raw(known["host_introduction"])) == fourth
