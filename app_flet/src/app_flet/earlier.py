"""What the relay let go of: earlier messages of a session, fetched from the workstation when a person goes back there.

They are kept like those that came through the log, at the place up to which this device had read it when it asked: what
the log tells later wins over them, and what it told before and may since have missed gives way. How far the fetching
got is kept, too. docs/decisions/0073-earlier-messages-are-kept.md.
"""

from collections.abc import Iterator

from app_flet import events, intents
from app_flet.device import Device
from halyard_client.halyard.agent import v1
from wire.log import EPOCH_BYTES

MAX_PAGES = 40
"""Pages of messages that this device knows already are passed over, up to so many at a time."""
WHOLE = b"whole"
_MORE = b"more:"


def _fact(workstation: str, session: str) -> str:
    return f"earlier:{workstation}:{session}"


def _token(device: Device, workstation: str, session: str, epoch: bytes) -> bytes:
    """Where to go on: `WHOLE`, or `_MORE` and the page's token. A new log begins anew."""
    kept = device.store.fact(_fact(workstation, session)) or b""
    return kept[EPOCH_BYTES:] if kept[:EPOCH_BYTES] == epoch else _MORE


def tell_if_whole(device: Device, workstation: str, session: str) -> None:
    """A session was opened: says if there is nothing earlier to fetch."""
    following = device.followings.get(workstation)
    if following is not None and _token(device, workstation, session, following.row.log_epoch) == WHOLE:
        device.happened([events.TranscriptWhole(workstation, session)])


async def load_earlier(device: Device, workstation: str, session: str) -> None:
    """Fetches the next page with anything new on it, and shows it. Refused when the workstation cannot be asked."""
    following = device.followings[workstation]
    for _ in range(MAX_PAGES):
        asked = following.place
        state = _token(device, workstation, session, asked.epoch)
        if state == WHOLE:
            break
        intent = intents.list_messages(session, state.removeprefix(_MORE).decode())
        page = v1.ListMessagesResponse.parse(await device.outgoing.ask(workstation, intent))
        new, happened = following.keep_earlier(list(_resources(page)), asked)
        rest = _MORE + page.next_page_token.encode() if page.next_page_token else WHOLE
        device.store.keep_fact(_fact(workstation, session), asked.epoch + rest)
        device.happened(happened)
        if new:
            break
    device.open_older(workstation, session)
    tell_if_whole(device, workstation, session)


def _resources(page: v1.ListMessagesResponse) -> Iterator[v1.Resource]:
    for entry in page.messages:
        if entry.message is not None:
            yield v1.Resource(name=entry.message.name, message=entry.message)
            yield from (v1.Resource(name=part.name, part=part) for part in entry.parts)
