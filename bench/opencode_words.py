"""What OpenCode says while it works, as the bytes of its event stream: what benches feed to agentd's mirror.

Shapes follow what release 1.18.33 was recorded to send; only what is read by the adapter is filled in.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

STEPS_PER_TURN = 4
"""Messages of the agent for each of the person."""
OUTPUT_SHARES = (0.08, 0.32, 0.8, 2.8)
"""How the output of a turn's tools is spread over its steps: most say little, one says much."""
DIRECTORY = "/srv/code/webshop"
_BEGAN_MS = 1_760_000_000_000
_LINE = "tests/checkout/test_basket.py::test_total_of_{n} PASSED  [{n}]\n"
_WORDS = "The fixture makes a second app, so `home()` is registered on the wrong one. I move the routes first. "


def output(size: int, salt: int) -> str:
    """About `size` bytes of a test run."""
    line = _LINE.format(n=salt)
    return line * max(1, size // len(line))


@dataclass
class Session:
    """One session that works. `frames` of a turn are what its stream would hold, in order."""

    id: str
    at_ms: int = _BEGAN_MS
    directory: str = DIRECTORY
    _seq: int = field(default=0, repr=False)
    _turns: int = field(default=0, repr=False)

    def begin(self) -> Iterator[bytes]:
        """The session appears."""
        yield self._durable("session.created", {"info": self._info()})

    def turn(self, output_bytes: int, *, lines: int = 0, deltas: int = 0) -> Iterator[bytes]:
        """A prompt and STEPS_PER_TURN steps with `output_bytes` of tool output each, on average.

        `lines`: times that a running command's output is repeated with more at its end. `deltas`: pieces in which each
        step's words arrive.
        """
        self._turns += 1
        prompt = f"msg_{self._turns:06d}_0"
        yield self._message(prompt, {"role": "user", "agent": "build"})
        yield self._part(prompt, "p0", type="text", text=f"Turn {self._turns}: go on with the basket, please.")
        yield self._status("busy")
        for step in range(STEPS_PER_TURN):
            size = int(output_bytes * OUTPUT_SHARES[step % len(OUTPUT_SHARES)])
            yield from self._step(prompt, step + 1, size, lines, deltas)
        diff = {"file": "app.py", "additions": 8, "deletions": 3, "patch": output(2_000, self._turns)}
        yield self._message(prompt, {"role": "user", "agent": "build", "summary": {"diffs": [diff]}})
        yield self._durable("session.updated", {"info": self._info()})
        yield self._status("idle")

    def _step(self, prompt: str, step: int, size: int, lines: int, deltas: int) -> Iterator[bytes]:
        message = f"msg_{self._turns:06d}_{step}"
        about = {"role": "assistant", "parentID": prompt, "providerID": "harbour", "modelID": "large", "mode": "build"}
        yield self._message(message, about)
        yield from self._said(message, deltas)
        yield from self._ran(message, size, lines)
        done = {"cost": 0.01, "tokens": {"input": 900, "output": 120, "total": 40_000}}
        yield self._message(message, {**about, **done}, completed=self.at_ms)

    def _said(self, message: str, deltas: int) -> Iterator[bytes]:
        begun = {"type": "text", "text": "", "time": {"start": self.at_ms}}
        if deltas:
            yield self._part(message, "p1", **begun)
        for _ in range(deltas):
            words = {"messageID": message, "partID": f"{message}_p1", "field": "text", "delta": _WORDS}
            yield self._plain("message.part.delta", words)
        ended = {"type": "text", "text": _WORDS * (deltas or 4), "time": {"start": self.at_ms, "end": self.at_ms}}
        yield self._part(message, "p1", **ended)

    def _ran(self, message: str, size: int, lines: int) -> Iterator[bytes]:
        about = {"type": "tool", "tool": "bash", "callID": f"call_{message}"}
        asked = {"command": f"pytest -q tests/checkout  # {message}", "description": "Run the tests"}
        whole = output(size, self._turns)
        yield self._part(message, "p2", **about, state={"status": "pending", "input": {}})
        for line in range(1, lines + 1):
            shown = whole[: len(whole) * line // (lines + 1)]
            state = {"status": "running", "input": asked, "metadata": {"output": shown}}
            yield self._part(message, "p2", **about, state=state)
        yield self._part(message, "p2", **about, state={"status": "completed", "input": asked, "output": whole})

    # --- frames -------------------------------------------------------------------------------------------------------

    def _info(self) -> dict[str, object]:
        time = {"created": self.at_ms, "updated": self._tick()}
        return {"id": self.id, "directory": self.directory, "title": "The basket", "agent": "build", "time": time}

    def _message(self, message: str, fields: Mapping[str, object], *, completed: int = 0) -> bytes:
        turn, step = (int(piece) for piece in message.split("_")[1:])
        time = {"created": _BEGAN_MS + turn * 60_000 + step * 1_000}
        if completed:
            time["completed"] = completed
        return self._durable("message.updated", {"info": {"id": message, "sessionID": self.id, "time": time, **fields}})

    def _part(self, message: str, part: str, **fields: object) -> bytes:
        about = {"id": f"{message}_{part}", "sessionID": self.id, "messageID": message, **fields}
        return self._durable("message.part.updated", {"part": about})

    def _status(self, kind: str) -> bytes:
        return self._plain("session.status", {"status": {"type": kind}})

    def _durable(self, kind: str, data: dict[str, object]) -> bytes:
        event = {
            "type": f"{kind}.1",
            "seq": self._seq,
            "aggregateID": self.id,
            "data": {"sessionID": self.id, **data},
        }
        self._seq += 1
        return self._frame({"type": "sync", "syncEvent": event})

    def _plain(self, kind: str, properties: Mapping[str, object]) -> bytes:
        return self._frame({"type": kind, "properties": {"sessionID": self.id, **properties}})

    def _frame(self, payload: dict[str, object]) -> bytes:
        return json.dumps({"directory": self.directory, "payload": payload}).encode()

    def _tick(self) -> int:
        self.at_ms += 1_000
        return self.at_ms
