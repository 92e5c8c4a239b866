"""Fuzzed parts of the relay: the checks that every frame passes, whoever sends it."""

import contextlib

from google.protobuf.message import Message

from relay import frames
from relay.errors import TooLarge
from relay.limits import Limits
from tests.fuzz.draw import Draw
from wire.errors import HalyardError, Malformed

LIMITS = Limits(max_frame_bytes=4096, max_items=32, max_record_bytes=1024, max_step_bytes=256)
CHECKS = (frames.from_workstation, frames.from_app, frames.from_host, frames.from_guest)


def relay_frames(data: bytes) -> None:
    """What passes is within the limits and can be sent on; everything else is refused in one of two ways."""
    draw = Draw(data)
    check = draw.one_of(CHECKS)
    frame = draw.rest()
    try:
        message = check(frame, LIMITS)
    except (Malformed, TooLarge):
        return
    assert len(frame) <= LIMITS.max_frame_bytes
    assert _items(message) <= LIMITS.max_items + 64
    with contextlib.suppress(HalyardError):
        # A message that was merged out of doubled fields is written once.
        check(message.SerializeToString(), LIMITS)


def _items(message: Message) -> int:
    """Repeated things at any depth that the contract has."""
    found = 0
    for field, value in message.ListFields():
        if field.is_repeated:
            found += len(value)
        elif field.message_type is not None:
            found += _items(value)
    return found
