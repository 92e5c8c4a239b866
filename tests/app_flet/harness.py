"""A screen without a client: a real Flet session whose connection keeps what would have been sent.

Built on parts of Flet that are not public, which is why its version is pinned. Frames are encoded as in production, so
that whatever cannot be sent fails here.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import flet as ft
import msgpack
from flet.controls.base_control import BaseControl
from flet.controls.context import _context_page
from flet.messaging.connection import Connection
from flet.messaging.protocol import (
    InvokeMethodRequestBody,
    Message,
    MessageAction,
    RegisterClientResponseBody,
    configure_encode_object_for_msgpack,
)
from flet.messaging.session import Session
from flet.pubsub.pubsub_hub import PubSubHub

from app_flet.device import Device
from app_flet.links import keep_links
from app_flet.opening import show
from app_flet.screen import Screen
from app_flet.web_session import WebSessions

C = TypeVar("C", bound=BaseControl)

PHONE = (412, 860)
DESKTOP = (1280, 800)


class Client(Connection):
    """Answers what a client would: method calls, each with nothing but those about its lasting storage."""

    def __init__(self, executor: ThreadPoolExecutor, preferences: dict[str, Any] | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.loop = asyncio.get_running_loop()
        self.executor = executor
        self.pubsubhub = PubSubHub(loop=self.loop, executor=executor)
        self.page_url = "http://halyard.test"
        self.session: Session | None = None
        self.changed = asyncio.Event()
        self.crashes: list[Any] = []
        self.invoked: list[tuple[str, Any]] = []
        """Methods of controls that were called, with their arguments."""
        self.preferences = {} if preferences is None else preferences
        """What the browser keeps for this origin."""

    def send_message(self, message: Message) -> None:
        msgpack.packb([message.action, message.body], default=configure_encode_object_for_msgpack(BaseControl))
        if message.action is MessageAction.SESSION_CRASHED:
            self.crashes.append(message.body)
        if isinstance(message.body, InvokeMethodRequestBody) and self.session is not None:
            body = message.body
            self.invoked.append((body.name, body.args))
            result = self._answer(body.name, body.args or {})
            self.loop.call_soon(self.session.handle_invoke_method_results, body.control_id, body.call_id, result, None)
        self.changed.set()

    def _answer(self, name: str, arguments: dict[str, Any]) -> object:
        key = arguments.get("key")
        if key is None:
            return None
        if name == "set":
            self.preferences[key] = arguments["value"]
        return self.preferences.pop(key, None) if name == "remove" else self.preferences.get(key)

    def dispose(self) -> None:
        self.session = None


@dataclass
class Stage:
    """A screen on show, and hands to touch it with."""

    session: Session
    screen: Screen
    client: Client
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    # --- looking ------------------------------------------------------------------------------------------------------

    def controls(self) -> Iterator[BaseControl]:
        """Everything in the uppermost view, depth first: what lies below it cannot be seen or touched."""
        views = [control for control in _below(self.session.page.views) if isinstance(control, ft.View)]
        yield from _below(views[-1])

    def nested(self) -> Iterator[tuple[BaseControl, tuple[BaseControl, ...]]]:
        """Everything in the uppermost view, each with what stands around it."""
        views = [control for control in _below(self.session.page.views) if isinstance(control, ft.View)]
        yield from _nested(views[-1], ())

    def all(self, kind: type[C]) -> list[C]:
        return [control for control in self.controls() if isinstance(control, kind)]

    def texts(self) -> list[str]:
        """Every word on screen."""
        found = []
        for control in self.controls():
            if isinstance(control, ft.Text):
                found.append(control.value or "".join(span.text or "" for span in control.spans or []))
            elif isinstance(control, ft.Markdown):
                found.append(control.value)
        return found

    def text(self) -> str:
        return "\n".join(self.texts())

    def ids(self) -> list[str]:
        """Every test id on screen."""
        return [control.identifier for control in self.all(ft.Semantics) if control.identifier]

    def ids_below(self, control: BaseControl) -> list[str]:
        """Every test id inside a control."""
        return [c.identifier for c in _below(control) if isinstance(c, ft.Semantics) and c.identifier]

    def beginning(self, prefix: str, nth: int = 0) -> str:
        """The test id on screen that begins so: its end is drawn by chance."""
        return [test_id for test_id in self.ids() if test_id.startswith(prefix)][nth]

    def find(self, test_id: str, nth: int = 0) -> ft.Semantics:
        found = [control for control in self.all(ft.Semantics) if control.identifier == test_id]
        assert len(found) > nth, f"{test_id} is not among {self.ids()}"
        return found[nth]

    def below(self, test_id: str, nth: int = 0) -> Iterator[BaseControl]:
        """Everything inside the control with this test id."""
        yield from _below(self.find(test_id, nth))

    # --- touching -----------------------------------------------------------------------------------------------------

    async def tap(self, test_id: str, nth: int = 0) -> None:
        """Taps what can be tapped inside the control with this test id."""
        for control in _below(self.find(test_id, nth)):
            if getattr(control, "on_click", None) is not None:
                assert not getattr(control, "disabled", False), f"{test_id} is disabled"
                await self.session.dispatch_event(control._i, "click", None)
                await self.settle()
                return
        raise AssertionError(f"{test_id} cannot be tapped")

    async def type(self, test_id: str, text: str, nth: int = 0) -> None:
        """Types into the field with this test id, as a client reports it."""
        control = next(c for c in _below(self.find(test_id, nth)) if isinstance(c, ft.TextField))
        self.session.apply_patch(control._i, {"value": text})
        if control.on_change is not None:
            await self.session.dispatch_event(control._i, "change", text)
        await self.settle()

    async def choose(self, test_id: str, value: str) -> None:
        """Chooses a segment."""
        control = next(c for c in _below(self.find(test_id)) if isinstance(c, ft.SegmentedButton))
        self.session.apply_patch(control._i, {"selected": [value]})
        await self.session.dispatch_event(control._i, "change", None)
        await self.settle()

    async def submit(self, test_id: str, text: str) -> None:
        """Types into a field and presses Enter."""
        await self.type(test_id, text)
        control = next(c for c in _below(self.find(test_id)) if isinstance(c, ft.TextField))
        await self.session.dispatch_event(control._i, "submit", text)
        await self.settle()

    def says(self, test_id: str) -> str:
        """What stands on a button."""
        button = next(c for c in _below(self.find(test_id)) if isinstance(getattr(c, "content", None), str))
        return str(button.content)  # type: ignore[attr-defined]  # just looked

    def field(self, test_id: str) -> str:
        control = next(c for c in _below(self.find(test_id)) if isinstance(c, ft.TextField))
        return control.value or ""

    async def settle(self) -> None:
        """Lets everything that is due be drawn."""
        if isinstance(self.session.page.data, Screen):
            self.session.page.data.draw()
        for _ in range(6):
            await asyncio.sleep(0)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits for something to be so: asked after every frame that leaves, and often, as not everything is drawn."""
        async with asyncio.timeout(30):
            while not condition():
                self.client.changed.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.client.changed.wait(), 0.05)
                await self.settle()


def _below(control: object) -> Iterator[BaseControl]:
    """A control and everything inside it, in any of its fields."""
    for found, _ in _nested(control, ()):
        yield found


def _nested(control: object, around: tuple[BaseControl, ...]) -> Iterator[tuple[BaseControl, tuple[BaseControl, ...]]]:
    """A control and everything inside it, each with what stands around it."""
    if isinstance(control, list | tuple):
        for item in control:
            yield from _nested(item, around)
        return
    if not isinstance(control, BaseControl):
        return
    yield control, around
    names = ("_b", "controls", "content", "leading", "items", "rows", "segments", "label", "title", "actions")
    for child in itertools.chain.from_iterable([getattr(control, name, None)] for name in names):
        if isinstance(child, BaseControl | list | tuple):
            yield from _nested(child, (*around, control))


@asynccontextmanager
async def staged(
    device: Device,
    address: str = "/",
    *,
    size: tuple[int, int] = PHONE,
    served_by: str = "http://halyard.test",
    linked: bool = False,
    pairing_secret: str = "",
) -> AsyncIterator[Stage]:
    """A screen of `device` opened at `address`; `linked`: with its links kept up."""
    with ThreadPoolExecutor(max_workers=1) as executor:
        client = Client(executor)
        session = Session(client)
        client.session = session
        page = session.page
        _context_page.set(page)
        session.apply_page_patch({"route": address, "width": size[0], "height": size[1], "web": True})
        # Encoding is what makes Flet remember the tree that later patches are measured against.
        registered = RegisterClientResponseBody(session_id=session.id, page_patch=session.get_page_patch(), error="")
        client.send_message(Message(MessageAction.REGISTER_CLIENT, registered))
        screen = Screen(page, device, served_by=served_by)
        stage = Stage(session, screen, client)
        async with asyncio.TaskGroup() as group:
            links = group.create_task(keep_links(device)) if linked else None
            await show(screen, pairing_secret=pairing_secret)
            await stage.settle()
            try:
                yield stage
                assert not client.crashes, client.crashes
            finally:
                screen.close()
                session.close()
                if links is not None:
                    links.cancel()


@asynccontextmanager
async def browsing(
    sessions: WebSessions, preferences: dict[str, Any], address: str = "/", *, size: tuple[int, int] = PHONE
) -> AsyncIterator[Stage]:
    """A tab of the browser that keeps `preferences`, opened at `address` of a host that serves the app.

    Leaving it is the tab's end: the browser disconnects, and Flet's session expires.
    """
    with ThreadPoolExecutor(max_workers=1) as executor:
        client = Client(executor, preferences)
        session = Session(client)
        client.session = session
        page = session.page
        _context_page.set(page)
        session.apply_page_patch({"route": address, "width": size[0], "height": size[1], "web": True})
        registered = RegisterClientResponseBody(session_id=session.id, page_patch=session.get_page_patch(), error="")
        client.send_message(Message(MessageAction.REGISTER_CLIENT, registered))
        await sessions.main(page)
        stage = Stage(session, page.data, client)
        await stage.settle()
        try:
            yield stage
            assert not client.crashes, client.crashes
        finally:
            await session.dispatch_event(page._i, "disconnect", None)
            await session.dispatch_event(page._i, "close", None)
            session.close()
            await asyncio.sleep(0)
