"""The workstation's own resource in the log: its name, its release, and how its agents are."""

import sys
from collections.abc import Callable
from importlib.metadata import version

from agentd.config import Config
from agentd.session_log import SessionLog
from halyard.agent.v1 import resource_pb2
from halyard.agent.v1 import workstation_pb2 as pb
from wire import names

RELEASE = version("halyard")


class WorkstationRecord:
    """Keeps `workstation` in the log level with what is known."""

    def __init__(
        self, log: SessionLog, config: Config, device_id: str, default_project: str, clock_ms: Callable[[], int]
    ) -> None:
        self._log = log
        self._value = pb.Workstation(
            name=names.WORKSTATION,
            display_name=config.display_name or "workstation",
            device_id=device_id,
            platform=_platform(),
            version=RELEASE,
            demo_model=config.demo_model,
            default_project=default_project,
        )
        self._value.start_time.FromMilliseconds(clock_ms())
        self._publish()

    @property
    def value(self) -> pb.Workstation:
        """As it is now; do not change it."""
        return self._value

    def note_agent(self, agent: pb.Agent) -> None:
        """An agent's health, models, modes or commands changed."""
        for place, known in enumerate(self._value.agents):
            if known.id == agent.id:
                self._value.agents[place].CopyFrom(agent)
                break
        else:
            self._value.agents.add().CopyFrom(agent)
        self._publish()

    def _publish(self) -> None:
        self._log.put(resource_pb2.Resource(name=names.WORKSTATION, workstation=self._value))


def _platform() -> str:
    return {"darwin": "macos", "win32": "windows"}.get(sys.platform, "linux")
