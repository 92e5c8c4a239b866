"""New session: workstation, project, agent, model, mode, prompt. The last choice stands already; one tap begins."""

import json
from collections.abc import Callable

import flet as ft

from app_flet import intents
from app_flet.boundary import component, keyed
from app_flet.components.frames import page_body
from app_flet.components.notices import DemoNotice, OfflineNotice, empty
from app_flet.components.picker import Picker
from app_flet.components.status import quiet
from app_flet.components.touch import Entry, field, filled_button, icon_button
from app_flet.device import Device
from app_flet.glance import agents, projects, role_in, workstation_name
from app_flet.model import WorkstationView
from app_flet.route import Page, Place
from app_flet.screen import Sight, kept, local, screen, watch
from app_flet.theme import TEXT_WIDTH
from halyard_client.halyard.agent import v1
from wire.calls import CallState

DRAFT = "new"
TEMPLATE = "template"
Choice = dict[str, str]
"""What was chosen: workstation, project, agent, model, mode; ids, empty for none."""


def template(device: Device) -> Choice:
    """The last choice on this device."""
    data = device.store.fact(TEMPLATE)
    found = json.loads(data) if data else {}
    return {str(key): str(value) for key, value in found.items()}


@component
def NewSessionPage() -> ft.Control:
    """The whole screen."""
    here = screen()
    entry = kept(lambda: Entry(here.device.store.draft(DRAFT)))
    chosen, choose = local(kept(lambda: template(here.device)))
    started, set_started = local(b"")
    workstations = watch(_where_it_may_start)
    call = watch(lambda sight: sight.model.calls.get(started))
    if not workstations:
        return _nowhere()
    known, full = settled(workstations, chosen)

    def pick(**changes: str) -> None:
        choose({**full, **changes})

    def begin(_: object) -> None:
        text = entry.text.strip()
        if not full["project"]:
            here.say("Choose a project first. `agentd up` in a folder makes it known.")
        elif not text:
            here.say("Say what the agent should do.")
        else:
            set_started(start(here.device, full, text))
            entry.put("")

    if call is not None and call.state is CallState.DONE and here.sight.place.page is Page.NEW:
        session = v1.StartSessionResponse.parse(call.response).session
        if session is not None:
            here.page.run_task(_follow, Place(Page.SESSION, call.workstation, session=session.name))
    waiting = call is not None and call.is_open
    button = filled_button(
        "send", "Starting …" if waiting else "Start", begin, icon=ft.Icons.ARROW_UPWARD_ROUNDED, disabled=waiting
    )
    prompt = field(
        "prompt",
        entry,
        "What should the agent do?",
        on_change=lambda _: here.device.store.keep_draft(DRAFT, entry.text),
        multiline=True,
    )
    rows: list[ft.Control] = [
        _header(),
        *_pickers(workstations, known, full, pick),
        prompt,
        DemoNotice(known.id),
        button,
    ]
    if waiting:
        rows.append(quiet("It waits until the workstation takes it; you may leave this screen."))
    body = ft.ListView(rows, spacing=14, expand=True, padding=ft.Padding.symmetric(horizontal=16, vertical=8))
    return page_body(OfflineNotice(known.id), body, width=TEXT_WIDTH)


def _where_it_may_start(sight: Sight) -> tuple[WorkstationView, ...]:
    return tuple(k for k in sight.model.workstations.values() if role_in(sight.model, k.id) == "operator")


async def _follow(place: Place) -> None:
    screen().go(place)


def start(device: Device, chosen: Choice, text: str) -> bytes:
    """Asks for the session, remembers the choice, and returns the call's id."""
    device.store.keep_fact(TEMPLATE, json.dumps(chosen).encode())
    intent = intents.start_session(
        chosen["project"], text, agent=chosen["agent"], model=chosen["model"], mode=chosen["mode"]
    )
    return device.call(chosen["workstation"], intent, draft=DRAFT)


def settled(workstations: tuple[WorkstationView, ...], chosen: Choice) -> tuple[WorkstationView, Choice]:
    """The choice as it can be carried out: what is gone or was never chosen becomes the first of its kind."""
    by_id = {known.id: known for known in workstations}
    known = by_id.get(chosen.get("workstation", "")) or next((k for k in workstations if k.is_there), workstations[0])
    project = _one([p.name for p in projects(known)], chosen.get("project", ""))
    offered = agents(known)
    agent = _one([a.id for a in offered], chosen.get("agent", ""))
    found = next((a for a in offered if a.id == agent), v1.Agent())
    return known, {
        "workstation": known.id,
        "project": project,
        "agent": agent,
        "model": _one([m.id for m in found.models], chosen.get("model", ""), found.default_model),
        "mode": _one([m.id for m in found.modes], chosen.get("mode", ""), found.default_mode),
    }


def _one(offered: list[str], chosen: str, default: str = "") -> str:
    if chosen in offered:
        return chosen
    return default if default in offered else (offered[0] if offered else "")


def _header() -> ft.Control:
    here = screen()
    back = icon_button("back", ft.Icons.ARROW_BACK_ROUNDED, "Back", lambda _: here.back())
    return ft.Row([back, ft.Text("New session", theme_style=ft.TextThemeStyle.HEADLINE_SMALL)])


def _nowhere() -> ft.Control:
    here = screen()
    button = filled_button("pair", "Pair a workstation", lambda _: here.go(Place(Page.PAIR)))
    return empty(
        ft.Icons.COMPUTER_ROUNDED, "No workstation to start on", "Pair one that lets this device command it.", button
    )


def _pickers(
    workstations: tuple[WorkstationView, ...], known: WorkstationView, full: Choice, pick: Callable[..., None]
) -> list[ft.Control]:
    agent = next((one for one in agents(known) if one.id == full["agent"]), v1.Agent())
    rows = [
        keyed(
            "workstation-pick",
            Picker,
            "workstation-pick",
            "Workstation",
            {k.id: workstation_name(k) for k in workstations},
            known.id,
            lambda value: pick(workstation=value),
        ),
        keyed(
            "project-pick",
            Picker,
            "project-pick",
            "Project",
            {p.name: _project_name(p) for p in projects(known)},
            full["project"],
            lambda value: pick(project=value),
        ),
        keyed(
            "agent-pick",
            Picker,
            "agent-pick",
            "Agent",
            {a.id: _agent_name(a) for a in agents(known)},
            full["agent"],
            lambda value: pick(agent=value),
        ),
        keyed(
            "model-pick",
            Picker,
            "model-pick",
            "Model",
            {m.id: m.display_name or m.id for m in agent.models},
            full["model"],
            lambda value: pick(model=value),
        ),
        keyed(
            "mode-pick",
            Picker,
            "mode-pick",
            "Mode",
            {m.id: m.display_name or m.id for m in agent.modes},
            full["mode"],
            lambda value: pick(mode=value),
        ),
    ]
    troubled = [quiet(agent.state_detail)] if agent.state_detail else []
    return [*rows, *troubled]


def _project_name(project: v1.Project) -> str:
    return f"{project.display_name} · {project.branch}" if project.branch else project.display_name


def _agent_name(agent: v1.Agent) -> str:
    ready = "" if agent.state is v1.AgentState.READY else " · not ready"
    return f"{agent.display_name or agent.id}{ready}"
