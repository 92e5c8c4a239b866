"""One session: the conversation, what waits in it, and where a person speaks.

The list is reversed: the newest turn is item 0 and stays at the lower edge while it grows. Decisions stand between the
list and the composer, where nothing that streams can move them.
"""

import flet as ft

from app_flet import intents
from app_flet.boundary import component, keyed
from app_flet.components.away import COUNT_PAGES, AwayCard, NewsLine, load_news
from app_flet.components.composer import Composer
from app_flet.components.decision import DecidedLine
from app_flet.components.earlier import Earlier, may_have_earlier
from app_flet.components.frames import centred
from app_flet.components.late import LateDecisions
from app_flet.components.notices import DemoNotice, OfflineNotice, empty
from app_flet.components.status import TONES, label, mark, quiet
from app_flet.components.touch import icon_button, identified, menu_item, read_as, region, tappable, text_button, tip
from app_flet.components.turn import TurnView
from app_flet.conversation import Turn, Turns, todos, usage_line
from app_flet.digest import Digest, Digests, absence
from app_flet.glance import Need, needs, session_named, standing_of, title_of
from app_flet.model import WorkstationView
from app_flet.pages.now import card
from app_flet.route import Page, Place
from app_flet.screen import Sight, kept, local, screen, watch
from halyard_client.halyard.agent import v1

SCROLL_TOLD_MS = 150
"""How often the client tells where a person has scrolled to."""


def known_of(sight: Sight, workstation: str) -> WorkstationView | None:
    """The workstation, if this device follows it."""
    return sight.model.workstations.get(workstation)


@component
def SessionPage(workstation: str, session: str) -> ft.Control:
    """The whole screen."""
    exists = watch(lambda sight: session_named(known_of(sight, workstation), session) is not None)
    if not exists:
        return ft.Column([Header(workstation, session), OfflineNotice(workstation), _missing()], expand=True)
    body: list[ft.Control] = [
        Header(workstation, session),
        OfflineNotice(workstation),
        keyed(session, Conversation, workstation, session),
        Todos(workstation, session),
        centred(LateDecisions(workstation, session), padding=ft.Padding.symmetric(horizontal=16)),
        Dock(workstation, session),
        centred(DemoNotice(workstation)),
        centred(keyed(session, Composer, workstation, session)),
    ]
    return ft.Column(body, spacing=0, expand=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)


def _missing() -> ft.Control:
    here = screen()
    back = text_button("session-back", "All sessions", lambda _: here.go(Place(Page.SESSIONS)))
    return empty(
        ft.Icons.SEARCH_OFF_ROUNDED,
        "This session is not here",
        "It was deleted, or this device has not received it yet.",
        back,
    )


# --- the bar ----------------------------------------------------------------------------------------------------------


@component
def Header(workstation: str, session: str) -> ft.Control:
    """Title, what it is doing, with which model, at what cost."""
    here = screen()
    title = watch(lambda sight: title_of(known_of(sight, workstation), session))
    wide = watch(lambda sight: sight.wide)
    found = watch(lambda sight: session_named(known_of(sight, workstation), session))
    waiting = watch(lambda sight: len(needs(sight.model, workstation, session)))
    dark = watch(lambda sight: sight.dark)
    words = ft.Column(
        [
            ft.Text(title, theme_style=ft.TextThemeStyle.TITLE_MEDIUM, max_lines=1, overflow=ft.TextOverflow.ELLIPSIS),
            *([_bar(found, waiting, dark=dark)] if found else []),
        ],
        spacing=1,
        expand=True,
    )
    row: list[ft.Control] = [
        *([] if wide else [icon_button("back", ft.Icons.ARROW_BACK_ROUNDED, "Back", lambda _: here.back())]),
        words,
        icon_button(
            "review",
            ft.Icons.DIFFERENCE_OUTLINED,
            "Review changes",
            lambda _: here.go(Place(Page.REVIEW, workstation, session=session)),
        ),
        *([_menu(workstation, found)] if found else []),
    ]
    padding = ft.Padding.only(left=16 if wide else 4, right=4, top=4, bottom=6)
    return ft.Container(ft.Row(row, spacing=4), padding=padding, bgcolor=ft.Colors.SURFACE)


def _bar(session: v1.Session, waiting: int, *, dark: bool) -> ft.Control:
    standing = standing_of(session, waiting)
    said = [standing.value, session.model.rpartition("/")[2], session.mode, usage_line(session.usage)]
    text = " · ".join(filter(None, said))
    row = ft.Row(
        [mark(TONES[standing], dark=dark, size=15), ft.Container(quiet(text, lines=1), expand=True)], spacing=6
    )
    return region("session-state", read_as(text, row))


def _menu(workstation: str, session: v1.Session) -> ft.Control:
    here = screen()

    async def archive(_: object) -> None:
        done = "Brought back." if session.archived else "Archived."
        await here.ask(workstation, intents.archive_session(session.name, restore=session.archived), done)

    async def compact(_: object) -> None:
        await here.ask(workstation, intents.compact_session(session.name))

    def files(_: object) -> None:
        here.go(Place(Page.FILES, workstation, project=session.project))

    items = [
        menu_item("files", "Files of the project", files, icon=ft.Icons.FOLDER_OUTLINED),
        menu_item(
            "session-archive",
            "Bring back" if session.archived else "Archive",
            archive,
            icon=ft.Icons.INVENTORY_2_OUTLINED,
        ),
        menu_item(
            "session-compact",
            "Sum up older conversation",
            compact,
            icon=ft.Icons.COMPRESS_ROUNDED,
        ),
    ]
    return identified(
        "session-menu", ft.PopupMenuButton(items=items, tooltip=tip("More"), icon=ft.Icons.MORE_VERT_ROUNDED)
    )


# --- the conversation -------------------------------------------------------------------------------------------------


@component
def Conversation(workstation: str, session: str) -> ft.Control:
    """The newest turns, and older ones on demand."""
    here = screen()
    turns = kept(Turns)
    whole = watch(lambda sight: turns(sight.model, workstation, session))
    decided = watch(lambda sight: _decided(sight, workstation, session))
    loaded = watch(lambda sight: _is_loaded(sight, workstation, session))
    older = watch(lambda sight: _older(sight, workstation, session))
    earlier = watch(lambda sight: may_have_earlier(sight, workstation, session))
    asked_at = kept(list[float])
    digests = kept(Digests)
    away = kept(lambda: absence(here.device.model, workstation, session, here.device.now_ms()))
    news = watch(lambda sight: digests(sight.model, workstation, session, away))
    is_read, set_read = local(initial=False)
    view = kept(ft.Ref[ft.ListView])
    jumped, set_jumped = local(0)

    def jump(_: object) -> None:
        load_news(here.device, workstation, session, away)
        set_jumped(jumped + 1)

    async def count() -> None:
        load_news(here.device, workstation, session, away, COUNT_PAGES)

    async def go_up() -> None:
        # To the end of the list, which is the first news: what is older is put back only afterwards.
        if jumped and view.current is not None:
            await view.current.scroll_to(offset=-1)
            close()

    def close() -> None:
        here.device.saw_session(workstation, session)
        set_read(True)

    ft.use_effect(count, [news is not None])
    ft.use_effect(go_up, [jumped])

    def show_older(_: object = None) -> None:
        here.device.open_older(workstation, session)

    def scrolled(event: ft.OnScrollEvent) -> None:
        # Asked once for each length of the list: what was asked for arrives while the finger still moves.
        if is_near_end(event) and asked_at != [event.max_scroll_extent]:
            asked_at[:] = [event.max_scroll_extent]
            show_older()

    if not whole:
        return ft.Container(_beginning(workstation, session, earlier=earlier) if loaded else None, expand=True)
    at = first_of(whole, news)
    is_trimmed = bool(jumped) and not is_read
    rows = [_row(turn, decided) for turn in reversed(whole[at if is_trimmed else 0 :])]
    if news is not None and at:
        rows.insert(len(whole) - at, _wide_row(NewsLine(), "first-new"))
    if not is_trimmed:
        button = text_button("transcript-older", f"Show older ({older})", show_older)
        rows += _upper_end(button if older else None, Earlier(workstation, session) if earlier else None)
    listed = ft.ListView(
        rows,
        reverse=True,
        expand=True,
        spacing=18,
        padding=ft.Padding.symmetric(vertical=14),
        build_controls_on_demand=True,
        ref=view,
        on_scroll=here.on(scrolled) if older else None,
        scroll_interval=SCROLL_TOLD_MS,
    )
    # The list keeps its place in the tree, and with it where a person has scrolled to.
    above = ft.Container(AwayCard(news, jump, close) if news is not None and not is_read else None)
    return ft.Column([above, ft.SelectionArea(listed, expand=True)], spacing=0, expand=True)


def first_of(turns: tuple[Turn, ...], news: Digest | None) -> int:
    """Where the news begin; 0 when all is new, or nothing."""
    name = news.first_new if news else ""
    return next((at for at, turn in enumerate(turns) if turn.message is not None and turn.message.name == name), 0)


def is_near_end(event: ft.OnScrollEvent) -> bool:
    """Whether less than a screenful of what is loaded lies above."""
    return event.max_scroll_extent - event.pixels < event.viewport_dimension


def _upper_end(older: ft.Control | None, earlier: ft.Control | None) -> list[ft.Control]:
    """What leads to the messages above: those of the store first."""
    if older is not None:
        return [_wide_row(older, "older")]
    return [_wide_row(earlier, "earlier")] if earlier is not None else []


def _row(turn: Turn, decided: tuple[Need, ...]) -> ft.Control:
    about = [keyed(need.name, DecidedLine, need) for need in decided_in(turn, decided)]
    return _wide_row(
        ft.Column([TurnView(turn), *about], spacing=6, horizontal_alignment=ft.CrossAxisAlignment.STRETCH, tight=True),
        turn.key,
    )


def _wide_row(content: ft.Control, key: str) -> ft.Control:
    row = centred(content, padding=ft.Padding.symmetric(horizontal=16))
    row.key = key
    return row


def decided_in(turn: Turn, decided: tuple[Need, ...]) -> list[Need]:
    """The decisions about parts of this turn."""
    names = {record.name for record in turn.parts}
    return [need for need in decided if _part(need) in names]


def _part(need: Need) -> str:
    asked = need.record.resource.permission or need.record.resource.question
    return asked.part if asked else ""


def _decided(sight: Sight, workstation: str, session: str) -> tuple[Need, ...]:
    known = known_of(sight, workstation)
    if known is None:
        return ()
    found = []
    for record in known.held.values():
        asked = record.resource.permission or record.resource.question
        if asked is not None and asked.decision is not None and record.name.startswith(f"{session}/"):
            found.append(Need(workstation, record, session, "", 0))
    return tuple(found)


def _older(sight: Sight, workstation: str, session: str) -> int:
    known = known_of(sight, workstation)
    transcript = known.transcripts.get(session) if known else None
    return transcript.older if transcript else 0


def _is_loaded(sight: Sight, workstation: str, session: str) -> bool:
    known = known_of(sight, workstation)
    return known is not None and session in known.transcripts


def _beginning(workstation: str, session: str, *, earlier: bool) -> ft.Control:
    if earlier:
        return Earlier(workstation, session, at_once=True)
    return empty(ft.Icons.CHAT_BUBBLE_OUTLINE_ROUNDED, "Nothing said yet", "Say below what the agent should do.")


# --- what waits -------------------------------------------------------------------------------------------------------


@component
def Todos(workstation: str, session: str) -> ft.Control:
    """What the agent means to do, folded to the thing it is at."""
    is_open, set_open = local(initial=False)
    found = watch(lambda sight: todos(known_of(sight, workstation), session))
    if not found or all(todo.state in (v1.TodoState.DONE, v1.TodoState.CANCELLED) for todo in found):
        return ft.Container(height=0)
    done = sum(1 for todo in found if todo.state is v1.TodoState.DONE)
    current = next((todo for todo in found if todo.state is v1.TodoState.ACTIVE), found[min(done, len(found) - 1)])
    head = ft.Row(
        [
            ft.Icon(ft.Icons.CHECKLIST_ROUNDED, size=18, color=ft.Colors.ON_SURFACE_VARIANT),
            ft.Container(ft.Text(current.text, max_lines=1, overflow=ft.TextOverflow.ELLIPSIS), expand=True),
            label(f"{done} of {len(found)}", ft.Colors.ON_SURFACE_VARIANT),
        ],
        spacing=8,
    )
    rows = [_todo(todo) for todo in found] if is_open else []
    body = ft.Column([head, *rows], spacing=6, tight=True)
    return centred(
        ft.Container(
            tappable("todos", body, lambda _: set_open(not is_open), padding=10),
            padding=ft.Padding.symmetric(horizontal=8, vertical=3),
        )
    )


def _todo(todo: v1.Todo) -> ft.Control:
    icons = {
        v1.TodoState.DONE: ft.Icons.CHECK_BOX_ROUNDED,
        v1.TodoState.ACTIVE: ft.Icons.INDETERMINATE_CHECK_BOX_OUTLINED,
        v1.TodoState.CANCELLED: ft.Icons.DISABLED_BY_DEFAULT_OUTLINED,
    }
    icon = icons.get(todo.state, ft.Icons.CHECK_BOX_OUTLINE_BLANK_ROUNDED)
    return ft.Row([ft.Icon(icon, size=17), ft.Container(quiet(todo.text), expand=True)], spacing=8)


@component
def Dock(workstation: str, session: str) -> ft.Control:
    """The oldest decision that waits here; the next one takes its place."""
    here = screen()
    waiting = watch(lambda sight: needs(sight.model, workstation, session))
    last = kept(list[str])
    name = waiting[0].name if waiting else ""
    if last and last[0] != name:
        here.shifted()
    last[:] = [name] if name else []
    if not waiting:
        return ft.Container(height=0)
    rows: list[ft.Control] = [card(waiting[0], show_session=False)]
    if len(waiting) > 1:
        rows.insert(0, ft.Container(quiet(f"1 of {len(waiting)} that wait"), padding=ft.Padding.only(left=10)))
    scrolled = ft.Column(
        rows, spacing=4, scroll=ft.ScrollMode.AUTO, horizontal_alignment=ft.CrossAxisAlignment.STRETCH, tight=True
    )
    return centred(ft.Container(scrolled, padding=ft.Padding.symmetric(horizontal=8, vertical=4)))
