"""How a command ends: exit codes, and the errors that carry them. A test holds the table in docs/cli.md to this one."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes. 2 is argparse's own for a command line that makes no sense; 130 is what shells expect of Ctrl+C."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_RUNNING = 3
    ALREADY_RUNNING = 4
    MISSING = 5
    NOT_ALLOWED = 6
    TOO_LATE = 7
    NOT_FOUND = 8
    UNAVAILABLE = 9
    WARNINGS = 10
    DAMAGED = 11
    INTERRUPTED = 130


MEANINGS = {
    Exit.OK: "It worked. `up` and `run`: stopped in order by Ctrl+C, SIGTERM or `agentd stop`.",
    Exit.FAILED: "It was refused or failed; stderr says why. `doctor`: a hop fails. `prompt`: the turn failed.",
    Exit.USAGE: "The command line makes no sense; stderr shows the usage.",
    Exit.NOT_RUNNING: "agentd is not running for this profile.",
    Exit.ALREADY_RUNNING: "agentd is running for this profile, and the command needs it not to.",
    Exit.MISSING: "Something it needs is not installed, not configured or taken (OpenCode, a relay address, a port).",
    Exit.NOT_ALLOWED: "The local socket may not do this (decisions, roles), or it was called from inside an agent.",
    Exit.TOO_LATE: "Somebody else decided first, or nobody waits for the decision any more.",
    Exit.NOT_FOUND: "No such session, device, permission or project.",
    Exit.UNAVAILABLE: "The agent, the relay or the store does not answer right now; try the same command again.",
    Exit.WARNINGS: "`doctor`: everything works, but something deserves a look.",
    Exit.DAMAGED: "A store is damaged, or of a newer release; stderr says what to do. Starting again changes nothing.",
    Exit.INTERRUPTED: "Ended by Ctrl+C.",
}


class CommandError(Exception):
    """A command that cannot go on: a sentence for a person, the exit code and, for scripts, a reason word."""

    def __init__(self, code: Exit, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason or code.name
