"""Files: the folders of a project, and what stands in a file. A first cut: no editing."""

import flet as ft

from app_flet import intents
from app_flet.boundary import component, keyed
from app_flet.components.fetched import fetch
from app_flet.components.frames import page_body
from app_flet.components.notices import OfflineNotice, empty
from app_flet.components.prose import markdown
from app_flet.components.status import quiet
from app_flet.components.touch import Entry, copy_button, field, icon_button, tappable
from app_flet.glance import project_label
from app_flet.route import Page, Place
from app_flet.screen import kept, local, screen, watch
from app_flet.theme import RADIUS, TEXT_WIDTH, mono
from halyard_client.halyard.agent import v1

LANGUAGES = {
    "py": "python", "js": "javascript", "ts": "typescript", "md": "markdown", "sh": "bash", "yml": "yaml", "rs": "rust",
}  # fmt: skip
SHOWN_CHARACTERS = 60_000
KIB = 1024


@component
def FilesPage(workstation: str, project: str, path: str) -> ft.Control:
    """A folder, or a file when the path ends in one (addresses of folders end with a slash)."""
    here = screen()
    entry = kept(Entry)
    sought, seek = local("")
    title = watch(lambda sight: project_label(sight.model.workstations.get(workstation), project))
    is_file = bool(path) and not path.endswith("/")
    header = ft.Row(
        [
            icon_button("back", ft.Icons.ARROW_BACK_ROUNDED, "Back", lambda _: here.back()),
            ft.Column(
                [
                    ft.Text(title, theme_style=ft.TextThemeStyle.TITLE_LARGE),
                    ft.Text(path or "/", style=mono(12.5), max_lines=1, overflow=ft.TextOverflow.ELLIPSIS),
                ],
                spacing=0,
                expand=True,
            ),
        ]
    )
    search = field("files-search", entry, "Find a file", on_submit=lambda _: seek(entry.text.strip()), dense=True)
    if is_file:
        body: ft.Control = keyed(path, FileView, workstation, project, path)
    elif sought:
        body = keyed(f"find {sought}", Found, workstation, project, sought)
    else:
        body = keyed(f"in {path}", Folder, workstation, project, path)
    column = ft.Column(
        [
            ft.Container(header, padding=ft.Padding.only(left=4, right=8, top=4)),
            *([] if is_file else [ft.Container(search, padding=ft.Padding.symmetric(horizontal=16))]),
            ft.Container(body, expand=True),
        ],
        expand=True,
        horizontal_alignment=ft.CrossAxisAlignment.STRETCH,
    )
    return page_body(OfflineNotice(workstation), column, width=TEXT_WIDTH + 120)


def _row(workstation: str, project: str, path: str, *, folder: bool, note: str = "") -> ft.Control:
    here = screen()
    place = Place(Page.FILES, workstation, project=project, path=f"{path}/" if folder else path)
    icon = ft.Icons.FOLDER_OUTLINED if folder else ft.Icons.DESCRIPTION_OUTLINED
    row = ft.Row(
        [
            ft.Icon(icon, size=20, color=ft.Colors.PRIMARY if folder else ft.Colors.ON_SURFACE_VARIANT),
            ft.Text(
                path.rpartition("/")[2], style=mono(13.5), expand=True, max_lines=1, overflow=ft.TextOverflow.ELLIPSIS
            ),
            quiet(note),
        ],
        spacing=12,
    )
    return tappable(f"path:{path}", row, lambda _: here.go(place), padding=12)


def _listed(rows: list[ft.Control]) -> ft.Control:
    return ft.ListView(rows, spacing=4, padding=ft.Padding.only(left=16, right=16, top=4, bottom=24))


@component
def Folder(workstation: str, project: str, path: str) -> ft.Control:
    """What a folder holds."""
    intent = intents.list_files(project, path.rstrip("/"))
    fetched = fetch(workstation, intent, lambda data: v1.ListFilesResponse.parse(data).entries)
    if fetched.answer is None:
        return fetched.stand_in or ft.Container()
    if not fetched.answer:
        return empty(ft.Icons.FOLDER_OFF_OUTLINED, "Empty", "There is nothing in this folder.")
    return _listed(
        [
            *fetched.notes,
            *(
                _row(
                    workstation,
                    project,
                    entry.path.rstrip("/"),
                    folder=entry.folder,
                    note="" if entry.folder else size(entry.size_bytes),
                )
                for entry in fetched.answer
            ),
        ]
    )


@component
def Found(workstation: str, project: str, sought: str) -> ft.Control:
    """Files by part of their name."""
    fetched = fetch(
        workstation, intents.find_files(project, sought), lambda data: v1.FindFilesResponse.parse(data).paths
    )
    if fetched.answer is None:
        return fetched.stand_in or ft.Container()
    if not fetched.answer:
        return empty(ft.Icons.SEARCH_OFF_ROUNDED, "Nothing found", f"No file's path contains “{sought}”.")
    found = [_row(workstation, project, path, folder=False) for path in fetched.answer]
    return _listed([*fetched.notes, *found])


@component
def FileView(workstation: str, project: str, path: str) -> ft.Control:
    """The beginning of a file, with colours."""
    dark = watch(lambda sight: sight.dark)
    fetched = fetch(workstation, intents.read_file(project, path), v1.ReadFileResponse.parse)
    if fetched.answer is None:
        return fetched.stand_in or ft.Container()
    answer = fetched.answer
    if answer.binary:
        return empty(ft.Icons.IMAGE_OUTLINED, "Not text", f"{size(answer.size_bytes)} that cannot be shown as text.")
    text = answer.content.decode(errors="replace")
    return _listed(
        [
            *fetched.notes,
            ft.Row([ft.Container(quiet(_extent(answer, text)), expand=True), copy_button("copy-file", text, "Copy")]),
            ft.Container(
                ft.SelectionArea(markdown(fenced(text[:SHOWN_CHARACTERS], path), dark=dark)),
                border=ft.Border.all(1, ft.Colors.OUTLINE_VARIANT),
                border_radius=RADIUS - 4,
                clip_behavior=ft.ClipBehavior.ANTI_ALIAS,
            ),
        ]
    )


def _extent(answer: v1.ReadFileResponse, text: str) -> str:
    if len(text) <= SHOWN_CHARACTERS and len(answer.content) == answer.size_bytes:
        return f"{text.count(chr(10)) + 1} lines · {size(answer.size_bytes)}"
    shown = text[:SHOWN_CHARACTERS].count("\n")
    return f"the first {shown} lines of {size(answer.size_bytes)}"


def fenced(text: str, path: str) -> str:
    """`text` as a Markdown code block that no line of it can close."""
    suffix = path.rpartition(".")[2].lower() if "." in path else ""
    fence = "`" * max(4, 1 + max((len(run) for run in text.split("\n") if set(run) == {"`"}), default=0))
    return f"{fence}{LANGUAGES.get(suffix, suffix)}\n{text}\n{fence}"


def size(size_bytes: int) -> str:
    """`812 B`, `3.4 KiB`, `1.2 MiB`."""
    if size_bytes < KIB:
        return f"{size_bytes} B"
    return f"{size_bytes / KIB:.1f} KiB" if size_bytes < KIB * KIB else f"{size_bytes / KIB / KIB:.1f} MiB"
