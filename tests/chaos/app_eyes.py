"""What a person sees on an app's screen, told when it changes: how far prompts are, what is asked, how fresh it is.

Reads the model as the pages do, through `app_flet.conversation`; knows nothing of links and frames.
"""

from collections.abc import Callable, Iterator
from typing import Any

from app_flet.conversation import Turn, Turns, output, words
from app_flet.device import Device
from app_flet.instants import milliseconds
from app_flet.model import CallView, Held, Transcript, WorkstationView
from halyard_client.halyard.agent import v1
from tests.chaos.screen_comparison import words_of
from tests.chaos.words import token_in

Tell = Callable[[dict[str, Any]], None]


class Eyes:
    """Looks when told to, and tells what has changed since."""

    def __init__(self, device: Device, opened: list[str], tell: Tell) -> None:
        self._device = device
        self._opened = opened
        self._tell = tell
        self._told: dict[tuple[str, ...], object] = {}
        self._turns: dict[str, Turns] = {}
        self._seqs: dict[str, int] = {}
        self._epoch = b""
        self._looked_at: dict[str, Transcript] = {}

    def look(self) -> None:
        model = self._device.model
        for call in model.calls.values():
            self._once(("call", call.call_id.hex()), _told_of(call))
        for known in model.workstations.values():
            self._look_at(known)
        self._once(("links",), {"links": [link.state.value for link in model.links.values()]})
        open_calls = sum(call.is_open for call in model.calls.values())
        self._once(("open calls",), {"open_calls": open_calls})

    def _look_at(self, known: WorkstationView) -> None:
        following = self._device.followings[known.id]
        row = following.row
        if row.log_epoch != self._epoch:
            self._epoch, self._seqs = row.log_epoch, {}
        self._once(("at", known.id), {"at": [row.log_epoch.hex(), row.through]})
        stands = {"is_there": known.is_there, "caught_up": known.caught_up, "warning": known.warning}
        self._once(("stands", known.id), {"stands": stands | {"removed": known.removed}})
        for held in self.everything():
            if held.seq < self._seqs.get(held.name, 0):
                self._tell({"backwards": [held.name, self._seqs[held.name], held.seq]})
            self._seqs[held.name] = held.seq
        for held in self.asks():
            ask = held.resource.permission or held.resource.question
            if ask is not None:
                self._once(("ask", held.name), {"ask": held.name, "state": ask.state.name})
        for held in known.held.values():
            if held.resource.session is not None:
                self._once(("session", held.name), {"session": held.name} | _told_of_session(held.resource.session))
        for session in self._opened:
            self._look_at_turns(known.id, session)
            self._look_inside(known, session)

    def _look_at_turns(self, workstation: str, session: str) -> None:
        for turn in self._turns_of(workstation, session):
            if turn.delivery is not None:
                self._once(("shown", turn.key), {"shown": turn.key, "state": turn.delivery.value})

    def _turns_of(self, workstation: str, session: str) -> tuple[Turn, ...]:
        return self._turns.setdefault(session, Turns())(self._device.model, workstation, session)

    def _look_inside(self, known: WorkstationView, session: str) -> None:
        transcript = known.transcripts.get(session)
        if transcript is None or self._looked_at.get(session) is transcript:
            return
        self._looked_at[session] = transcript
        for held in transcript.held.values():
            message, part = held.resource.message, held.resource.part
            if message is not None:
                told = {"message": held.name, "state": message.state.name, "role": message.role.name}
                self._once(("message", held.name), told)
            if part is not None:
                call = part.tool_call
                said = output(transcript, held) if call is not None else words(transcript, held)
                tool = call.state.name if call is not None else ""
                told = {"part": held.name, "state": part.state.name, "tool": tool, "words": said}
                self._once(("part", held.name), told)

    def _once(self, key: tuple[str, ...], what: dict[str, Any]) -> None:
        if self._told.get(key) != what:
            self._told[key] = what
            self._tell(what)

    # --- what there is ------------------------------------------------------------------------------------------------

    def everything(self) -> Iterator[Held]:
        """What is on screen or a tap away: lists, asks, and the transcripts of opened sessions."""
        for known in self._device.model.workstations.values():
            yield from known.held.values()
            for transcript in known.transcripts.values():
                yield from transcript.held.values()

    def words(self) -> dict[str, str]:
        """What a person reads in the opened sessions, by the name of the part, out of the turns as they are drawn."""
        found: dict[str, str] = {}
        for known in self._device.model.workstations.values():
            for session in self._opened:
                transcript = known.transcripts.get(session, Transcript())
                found |= words_of(self._turns_of(known.id, session), transcript)
        return found

    def asks(self) -> Iterator[Held]:
        for known in self._device.model.workstations.values():
            for held in known.held.values():
                if held.resource.permission is not None or held.resource.question is not None:
                    yield held

    def resource(self, name: str) -> v1.Resource | None:
        for known in self._device.model.workstations.values():
            if name in known.held:
                return known.held[name].resource
        return None

    def project(self) -> str:
        """The one that is offered first; empty while there is none."""
        return min((held.name for held in self.everything() if held.name.startswith("projects/")), default="")

    def words_of(self, held: Held) -> str:
        """Of an ask: what it is about."""
        permission, question = held.resource.permission, held.resource.question
        if permission is not None:
            return " ".join([permission.command, permission.title, *permission.patterns])
        return " ".join(prompt.text for prompt in question.prompts) if question is not None else ""


def _told_of_session(session: v1.Session) -> dict[str, Any]:
    used = session.usage or v1.Usage()
    counts = [
        *(milliseconds(session.update_time), used.input_tokens, used.output_tokens, used.reasoning_tokens),
        *(used.cache_read_tokens, used.cache_write_tokens, used.cost_micro_usd),
    ]
    return {"state": session.state.name, "detail": session.state_detail, "title": session.title, "counts": counts}


def _told_of(call: CallView) -> dict[str, Any]:
    told = {"call": call.call_id.hex(), "method": call.method.rpartition("/")[2], "state": call.state.name}
    match told["method"]:
        case "Prompt":
            prompt = v1.PromptRequest.parse(call.request)
            told |= {"token": token_in(prompt.text), "session": prompt.session}
        case "StartSession":
            told["token"] = token_in(v1.StartSessionRequest.parse(call.request).prompt)
        case "Decide":
            told["about"] = v1.DecideRequest.parse(call.request).permission
        case "DeleteSession":
            told["deletes"] = v1.DeleteSessionRequest.parse(call.request).session
        case "Answer":
            told["about"] = v1.AnswerRequest.parse(call.request).question
    return told | {"error": call.error, "reason": call.reason}
