"""The `agentd` command: parses, runs one command of agentd/cli, and ends with a sentence and a code when it cannot."""

import errno
import sys
from collections.abc import Coroutine, Sequence
from importlib import import_module

from agentd.cli.options import Options, parse
from agentd.cli.outcome import CommandError, Exit
from agentd.errors import (
    AgentdError,
    AlreadyRunningError,
    ConfigError,
    RelayDamagedError,
    RelayFailedError,
    StorageError,
    StoreDamagedError,
)

_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG})
"""What a disk says that takes nothing."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code (docs/cli.md)."""
    options = Options()
    try:
        options = parse(arguments)
        # Imported only now: `whoami` must not wait for gRPC, nor `--help` for anything.
        outcome = import_module(options.handler).run(options)
        return int(outcome if isinstance(outcome, int) else _wait(outcome))
    except CommandError as error:
        return _explain(error, options)
    except AgentdError as error:
        return _explain(_as_command_error(error), options)
    except BrokenPipeError:
        # The reader of our output (`| head`) has seen enough. Python would complain again while flushing at exit.
        sys.stderr.close()
        return Exit.OK
    except OSError as error:
        if not _is_expected(error):
            raise
        return _explain(_as_command_error(error), options)
    except ExceptionGroup as group:
        return _explain(_first_of(group), options)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED


def _wait(command: Coroutine[None, None, Exit]) -> Exit:
    import asyncio

    return asyncio.run(command)


def _first_of(group: ExceptionGroup[Exception]) -> CommandError:
    """Returns the expected error in what a task group raised; raises the group when something else is in it too."""
    expected, others = group.split(_is_expected)
    if expected is None or others is not None:
        raise group
    error: Exception = expected
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, CommandError) else _as_command_error(error)


def _is_expected(error: BaseException) -> bool:
    """Whether a person can put it right; anything else that the system refuses is a defect of ours."""
    if isinstance(error, PermissionError):
        return error.filename is not None
    return isinstance(error, (CommandError, AgentdError)) or (isinstance(error, OSError) and error.errno in _DISK)


def _as_command_error(error: Exception) -> CommandError:
    match error:
        case PermissionError():
            message = (
                f"{error.filename} may not be used ({error.strerror}). "
                f"`ls -ld {error.filename}` shows whose it is and its mode; make it yours, then try again."
            )
            return CommandError(Exit.UNAVAILABLE, message)
        case OSError():
            where = f"{error.filename} cannot be written: " if error.filename else ""
            message = f"{where}The disk is full or refuses ({error.strerror}). Put that right, then try again."
            return CommandError(Exit.UNAVAILABLE, message)
        case StorageError():
            code = Exit.UNAVAILABLE
        case AlreadyRunningError():
            code = Exit.ALREADY_RUNNING
        case ConfigError():
            code = Exit.MISSING
        case RelayDamagedError() | StoreDamagedError():
            code = Exit.DAMAGED
        case RelayFailedError():
            code = Exit.UNAVAILABLE
        case _:
            code = Exit.FAILED
    return CommandError(code, str(error))


def _explain(error: CommandError, options: Options) -> Exit:
    if options.json:
        from agentd.cli.printing import error_json

        sys.stderr.write(error_json(error))
    else:
        sys.stderr.write(f"agentd {options.command}: {error.message}\n")
    return error.code


if __name__ == "__main__":
    sys.exit(main())
