"""Every fuzzed part by name, and what to begin with. `python -m tools.fuzz` drives them; test_targets.py replays them.

A target takes any bytes and is content, or raises. `found/<target>/` keeps every input that ever made one raise.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.app_flet.scenes import Scene
from tests.fuzz import agentd_targets, app_targets, opencode_targets, operator_target, relay_targets, wire_targets

EXAMPLES = Path(__file__).parents[1] / "contract" / "v1"
FOUND = Path(__file__).parent / "found"

Seeds = Callable[[], list[bytes]]


@dataclass(frozen=True)
class Target:
    """`share` of a whole run's time: what is slow or large gets more."""

    run: Callable[[bytes], None]
    seeds: Seeds
    share: int = 2


def found(name: str) -> list[bytes]:
    """Inputs that once made the target raise."""
    return [path.read_bytes() for path in sorted((FOUND / name).glob("*"))]


def _examples(*kinds: str, lead: int = 0) -> Seeds:
    """Serialized examples of these messages; `lead`: the choice in front of the first kind's, counting up."""

    def seeds() -> list[bytes]:
        return [
            bytes([lead + number]) + base64.b64decode(example["base64"])
            for number, kind in enumerate(kinds)
            for example in json.loads((EXAMPLES / f"halyard.{kind}.json").read_text()).values()
        ]

    return seeds


def _texts(*texts: str) -> Seeds:
    return lambda: [text.encode() for text in texts]


def _steps(*steps: bytes) -> Seeds:
    return lambda: [*steps, bytes(range(64)), bytes(range(255, 0, -1)), b"\x04" * 80]


def _model() -> list[bytes]:
    chunks = [b"\x01" + len(data).to_bytes(2, "little") + data + b"\0" for data in map(bytes, Scene().everything())]
    return [b"".join(chunks[at : at + 12]) for at in range(0, len(chunks), 12)]


def _frames_in_order() -> list[bytes]:
    """Every frame as it was, from each beginning."""
    count = len(app_targets.truth().frames)
    whole = bytearray()
    for number in [*range(count), *range(count)]:
        whole += bytes([number % count, 7, 1])
    return [bytes(whole), bytes(whole[count * 3 // 2 :]), bytes(whole[::-1])]


def _events() -> list[bytes]:
    """The recorded turn as it was: no change in any event."""
    count = len(opencode_targets.recorded())
    return [b"".join(bytes([at % count, 0, 1]) for at in range(begin, begin + 40)) for begin in range(0, count, 20)]


def _lines() -> list[bytes]:
    return opencode_targets.RECORDED.read_bytes().splitlines()[::8]


def _listings() -> list[bytes]:
    """Every answer as it was, and one thing changed in each."""
    count = len(opencode_targets.listings())
    return [bytes(2 * count), *(b"\0\0" * at + b"\1" + bytes([at, 1, 2, 3, 4, 5]) for at in range(count))]


def _cards() -> list[bytes]:
    """A card with each date, and things that are none."""
    card = {"origin": agentd_targets.ORIGIN, "grpc": "relay.example:443", "version": "1.0"}
    good = json.dumps(card).encode()
    dated = [bytes([at]) + good for at in range(len(agentd_targets.DATES))]
    others: list[object] = [{}, [], {**card, "grpc": ""}, {**card, "grpc": "[::1]:8461"}, {**card, "origin": 7}]
    drawn = bytes([len(agentd_targets.DATES), 29, 0]) + b"Sat, 21 Nov 2026 12:00:00 EST" + good
    return [*dated, drawn, *(b"\0" + json.dumps(other).encode() for other in others), b"\0<p>hi</p>"]


def _tokens() -> list[bytes]:
    claims = [wire_targets.claims(), wire_targets.claims(exp=True), wire_targets.claims(jti="!"), b"[]", b"{}"]
    header = b'{"alg":"EdDSA","typ":"JWT"}'
    signed = [b"\x01" + len(header).to_bytes(2, "little") + header + claim for claim in claims]
    return [b"\0" + wire_targets.TOKEN.encode(), *signed, b"\x02\x07"]


_LINK = "link.v1.AttachWorkstationRequest", "link.v1.AttachAppRequest"
_PAIRING = "pairing.v1.HostRequest", "pairing.v1.JoinRequest"
_APP = (
    "link.v1.AttachAppResponse", "agent.v1.Resource", "agent.v1.DeltaBatch", "agent.v1.CallResult",
    "pairing.v1.JoinResponse", "pairing.v1.HostIntroduction", "agent.v1.ListMessagesResponse",
    "agent.v1.GetDiffResponse", "agent.v1.ListFilesResponse",
)  # fmt: skip

TARGETS: dict[str, Target] = {
    "names": Target(
        wire_targets.resource_names,
        _texts("workstation", "projects/p", "sessions/s/messages/m/parts/p", "sessions/s/todos", "grants/" + "a" * 26),
        share=1,
    ),
    "invitations": Target(
        wire_targets.invitations,
        _texts(
            "7-482913", "７–4 8 2 9 1 3", "https://r.example:8443/pair#n=7&k=AAAAAAAAAAAAAAAAAAAAAA", "/pair#n=1&k="
        ),
        share=1,
    ),
    "addresses": Target(
        app_targets.addresses,
        _texts("/w/x/s/y/review?turn=m1", "/w/x/p/y/files?path=a%2Fb", "-840", "@@ -1,2 +1,2 @@\n+a\n-b", "```"),
        share=1,
    ),
    "tokens": Target(wire_targets.tokens, _tokens),
    "seals": Target(wire_targets.seals, _steps(*(bytes([n, 5]) + bytes(8) for n in range(7)))),
    "pairing": Target(wire_targets.pairing_exchange, _steps(b"\0\1\1\0\7\1\0\0\7\1\1\1\7"), share=3),
    "calls": Target(wire_targets.calls, _steps(b"\0\1\1\2\0\0\4\0\0\5\1\7\2\0\3")),
    "replicas": Target(wire_targets.replicas, _steps(b"\0\0\1\1\2\3\3\0\4\5\6\2\5\7\1")),
    "relay_frames": Target(relay_targets.relay_frames, _examples(*_LINK, *_PAIRING), share=3),
    "app_frames": Target(app_targets.app_frames, _examples(*_APP), share=3),
    "skimming": Target(app_targets.skimming, lambda: [seed[1:] for seed in _examples("agent.v1.Resource")()]),
    "app_statuses": Target(
        app_targets.app_statuses, lambda: [seed[1:] for seed in _examples("link.v1.AttachAppResponse")()], share=1
    ),
    "app_model": Target(app_targets.app_model, _model, share=4),
    "app_link": Target(app_targets.app_link, _frames_in_order, share=6),
    "opencode_lines": Target(opencode_targets.opencode_lines, _lines, share=1),
    "opencode_events": Target(opencode_targets.opencode_events, _events, share=3),
    "opencode_listings": Target(opencode_targets.opencode_listings, _listings, share=3),
    "relay_card": Target(agentd_targets.relay_card, _cards, share=1),
    "agentd_link": Target(agentd_targets.agentd_link, _steps(b"\3\0\1\5\3\0\2\4\0"), share=5),
    "agentd_call": Target(agentd_targets.agentd_call, _steps(b"\2" + b"1234567890" + b"\1\3\0"), share=4),
    "operator_call": Target(operator_target.operator_call, operator_target.seeds, share=4),
}
