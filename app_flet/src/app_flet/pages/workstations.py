"""Workstations: which are paired, how they are; and for one of them its agents and the devices that may direct it."""

import flet as ft

from app_flet import intents
from app_flet.boundary import component, keyed
from app_flet.components.frames import page_body
from app_flet.components.notices import OfflineNotice, empty, warning
from app_flet.components.status import badge, heading, label, quiet
from app_flet.components.touch import (
    Entry,
    field,
    filled_button,
    icon_button,
    identified,
    outlined_button,
    region,
    tappable,
)
from app_flet.digest import counted
from app_flet.glance import agents, devices, projects, role_in, uses_demo_model, workstation_name, workstation_resource
from app_flet.instants import ago, milliseconds
from app_flet.model import WorkstationView
from app_flet.route import Page, Place
from app_flet.screen import kept, local, screen, watch
from app_flet.theme import RADIUS, TEXT_WIDTH, Tone, mono
from halyard_client.halyard.agent import v1

ROLES = {
    v1.DeviceRole.OPERATOR: ("operator", "Everything"),
    v1.DeviceRole.APPROVER: ("approver", "Read, decide, answer"),
    v1.DeviceRole.VIEWER: ("viewer", "Read"),
}
AGENT_TONES = {
    v1.AgentState.READY: Tone.DONE,
    v1.AgentState.STARTING: Tone.WORKING,
    v1.AgentState.UNHEALTHY: Tone.FAILED,
    v1.AgentState.UNAVAILABLE: Tone.OFFLINE,
}


@component
def WorkstationsPage() -> ft.Control:
    """The list of paired workstations."""
    here = screen()
    known = watch(lambda sight: tuple(sight.model.workstations.values()))
    header = ft.Row(
        [
            ft.Text("Workstations", theme_style=ft.TextThemeStyle.HEADLINE_SMALL, expand=True),
            icon_button("pair", ft.Icons.ADD_LINK_ROUNDED, "Pair a workstation", lambda _: here.go(Place(Page.PAIR))),
        ]
    )
    rows: list[ft.Control] = [keyed(one.id, WorkstationRow, one) for one in known]
    if not rows:
        button = filled_button("pair-first", "Pair a workstation", lambda _: here.go(Place(Page.PAIR)))
        rows.append(
            empty(
                ft.Icons.COMPUTER_ROUNDED,
                "No workstation yet",
                "Run `agentd pair` on the machine with your code.",
                button,
            )
        )
    column = ft.ListView(
        [header, *rows], expand=True, spacing=8, padding=ft.Padding.only(left=16, right=16, top=8, bottom=24)
    )
    return page_body(OfflineNotice(), column)


@component
def WorkstationRow(known: WorkstationView) -> ft.Control:
    """One workstation in the list."""
    here = screen()
    dark = watch(lambda sight: sight.dark)
    seen = watch(lambda sight: ago(known.last_seen_ms, sight.now_ms))
    away = "no answer" if known.online else f"last seen {seen}" if seen else "offline"
    state = badge(Tone.DONE, "online", dark=dark) if known.is_there else badge(Tone.OFFLINE, away, dark=dark)
    said = workstation_resource(known)
    about = " · ".join(
        filter(None, [said.platform, counted(len(devices(known)), "device"), counted(len(projects(known)), "project")])
    )
    row = ft.Row(
        [
            ft.Icon(ft.Icons.COMPUTER_ROUNDED, size=26, color=ft.Colors.PRIMARY),
            ft.Column(
                [ft.Text(workstation_name(known), theme_style=ft.TextThemeStyle.TITLE_MEDIUM), quiet(about)],
                spacing=1,
                expand=True,
            ),
            state,
        ],
        spacing=12,
    )
    return tappable(f"workstation:{known.id}", row, lambda _: here.go(Place(Page.WORKSTATION, known.id)))


@component
def WorkstationPage(workstation: str) -> ft.Control:
    """One workstation."""
    here = screen()
    known = watch(lambda sight: sight.model.workstations.get(workstation))
    dark = watch(lambda sight: sight.dark)
    wide = watch(lambda sight: sight.wide)
    may_change = watch(lambda sight: role_in(sight.model, workstation) == "operator")
    if known is None:
        return empty(ft.Icons.COMPUTER_ROUNDED, "Not paired", "This device does not follow that workstation.")
    back = [] if wide else [icon_button("back", ft.Icons.ARROW_BACK_ROUNDED, "Back", lambda _: here.back())]
    title = ft.Text(workstation_name(known), theme_style=ft.TextThemeStyle.HEADLINE_SMALL, expand=True)
    rows: list[ft.Control] = [ft.Row([*back, title])]
    if uses_demo_model(known):
        rows.append(
            warning(
                "demo-model",
                "It answers with the demo model: scripted, no real model is asked.",
                dark=dark,
                icon=ft.Icons.SCIENCE_OUTLINED,
            )
        )
    rows.append(_doctor(workstation))
    rows += [heading("Agents"), *(_agent(agent, dark=dark) for agent in agents(known))]
    rows += [heading("Projects"), *(_project(workstation, project) for project in projects(known))]
    rows.append(heading("Devices that may direct it"))
    rows += [keyed(device.name, DeviceRow, workstation, device, may_change=may_change) for device in devices(known)]
    rows += [heading("On this device"), Forget(known)]
    column = ft.ListView(rows, expand=True, spacing=8, padding=ft.Padding.only(left=16, right=16, top=8, bottom=24))
    return page_body(OfflineNotice(workstation), column, width=TEXT_WIDTH)


def _doctor(workstation: str) -> ft.Control:
    here = screen()
    words = ft.Column(
        [
            ft.Text("Doctor", theme_style=ft.TextThemeStyle.TITLE_SMALL),
            quiet("Every hop from this device to the model: what is wrong, and what to do."),
        ],
        spacing=1,
        expand=True,
    )
    row = ft.Row(
        [ft.Icon(ft.Icons.MONITOR_HEART_OUTLINED, size=20), words, ft.Icon(ft.Icons.CHEVRON_RIGHT_ROUNDED, size=20)],
        spacing=12,
    )
    return tappable("doctor", row, lambda _: here.go(Place(Page.DOCTOR, workstation)), padding=12)


def _card(content: ft.Control) -> ft.Control:
    return ft.Container(content, bgcolor=ft.Colors.SURFACE_CONTAINER_LOW, border_radius=RADIUS, padding=14)


def _agent(agent: v1.Agent, *, dark: bool) -> ft.Control:
    tone = AGENT_TONES.get(agent.state, Tone.QUIET)
    words: list[ft.Control] = [
        ft.Text(f"{agent.display_name or agent.id} {agent.version}", theme_style=ft.TextThemeStyle.TITLE_SMALL),
        quiet(agent.state_detail or ("1 model" if len(agent.models) == 1 else f"{len(agent.models)} models")),
    ]
    return _card(
        ft.Row(
            [
                ft.Column(words, spacing=1, expand=True),
                badge(tone, tone.value if tone is not Tone.DONE else "ready", dark=dark),
            ]
        )
    )


def _project(workstation: str, project: v1.Project) -> ft.Control:
    here = screen()
    words = ft.Column(
        [
            ft.Text(project.display_name, theme_style=ft.TextThemeStyle.TITLE_SMALL),
            ft.Text(
                project.path,
                style=mono(12),
                max_lines=1,
                overflow=ft.TextOverflow.ELLIPSIS,
                color=ft.Colors.ON_SURFACE_VARIANT,
            ),
        ],
        spacing=1,
        expand=True,
    )
    row = ft.Row(
        [ft.Icon(ft.Icons.FOLDER_OUTLINED, size=20), words, *([label(project.branch)] if project.branch else [])],
        spacing=12,
    )
    place = Place(Page.FILES, workstation, project=project.name)
    return tappable("files", row, lambda _: here.go(place), padding=12)


@component
def DeviceRow(workstation: str, device: v1.Device, *, may_change: bool) -> ft.Control:
    """One device: its name, its role, and the way to take it all back."""
    here = screen()
    is_open, set_open = local(initial=False)
    confirms, confirm = local(initial=False)
    entry = kept(lambda: Entry(device.display_name))
    paired = watch(lambda sight: ago(milliseconds(device.pair_time), sight.now_ms))
    is_own = device.name == f"devices/{here.device.identity.device_id}"
    own = " · this device" if is_own else ""
    icon = ft.Icons.SMARTPHONE_ROUNDED if device.platform in ("android", "ios") else ft.Icons.DEVICES_ROUNDED
    words = ft.Column(
        [
            ft.Text(f"{device.display_name}{own}", theme_style=ft.TextThemeStyle.TITLE_SMALL),
            quiet(f"{ROLES.get(device.role, ('viewer', ''))[0]} · {device.platform} · paired {paired}"),
        ],
        spacing=1,
        expand=True,
    )
    head = ft.Row([ft.Icon(icon, size=20), words], spacing=12)
    short = device.name.rpartition("/")[2]
    row = tappable(f"device:{short}", head, lambda _: set_open(not is_open), padding=12)
    if not is_open or not may_change:
        return row

    def rename(_: object) -> None:
        here.device.call(workstation, intents.rename_device(device.name, entry.text.strip()))
        here.say("Sent to the workstation.")

    def change_role(event: ft.Event[ft.Dropdown]) -> None:
        role = next(role for role, (name, _) in ROLES.items() if name == event.control.value)
        here.device.call(workstation, intents.set_device_role(device.name, role))

    def revoke(_: object) -> None:
        if not confirms:
            confirm(True)
            return
        here.device.call(workstation, intents.revoke_device(device.name))
        here.say("Revoked: its link is closed and new keys are drawn.")

    roles = ft.Dropdown(
        label="Role",
        value=ROLES.get(device.role, ("viewer", ""))[0],
        options=[ft.DropdownOption(key=name, text=f"{name} — {text}") for name, text in ROLES.values()],
        on_select=here.on(change_role),
        expand=True,
    )
    take_back = "Revoke for good?" if confirms else "Revoke"
    tools = ft.Column(
        [
            ft.Row(
                [
                    field("device-name", entry, "Name", expand=True, dense=True),
                    outlined_button("device-rename", "Rename", rename),
                ]
            ),
            ft.Row([identified("device-role", roles)]),
            outlined_button("device-revoke", take_back, revoke, icon=ft.Icons.BLOCK_ROUNDED, color=ft.Colors.ERROR),
        ],
        spacing=10,
    )
    return ft.Column([row, ft.Container(tools, padding=ft.Padding.only(left=12, right=12, bottom=12))], spacing=6)


@component
def Forget(known: WorkstationView) -> ft.Control:
    """Takes the workstation off this device only."""
    here = screen()
    confirms, confirm = local(initial=False)

    def forget(_: object) -> None:
        if not confirms:
            confirm(True)
            return
        here.device.forget(known.id)
        here.go(Place(Page.WORKSTATIONS))

    text = "Forget it and all that is here of it?" if confirms else "Forget this workstation"
    note = quiet("Takes it off this device. It still lists this device until it is revoked there.")
    button = outlined_button("workstation-forget", text, forget, icon=ft.Icons.LINK_OFF_ROUNDED)
    return region("forget", ft.Column([note, ft.Row([button])], spacing=8))
