"""The `agentd` command: parses, runs one command of agentd/cli, and ends with a sentence and a code when it cannot."""

import sys
from collections.abc import Coroutine, Sequence
from importlib import import_module

from agentd.cli.options import Options, parse
from agentd.cli.outcome import CommandError, Exit
from agentd.errors import AgentdError, AlreadyRunningError, ConfigError


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code (docs/cli.md)."""
    options = parse(arguments)
    try:
        # Imported only now: `whoami` must not wait for gRPC, nor `--help` for anything.
        outcome = import_module(options.handler).run(options)
        return int(outcome if isinstance(outcome, int) else _wait(outcome))
    except CommandError as error:
        _explain(error, options)
        return error.code
    except AgentdError as error:
        _explain(CommandError(_exit_code(error), str(error)), options)
        return _exit_code(error)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # The reader of our output (`| head`) has seen enough. Python would complain again while flushing at exit.
        sys.stderr.close()
        return Exit.OK


def _wait(command: Coroutine[None, None, Exit]) -> Exit:
    import asyncio

    return asyncio.run(command)


def _exit_code(error: AgentdError) -> Exit:
    match error:
        case AlreadyRunningError():
            return Exit.ALREADY_RUNNING
        case ConfigError():
            return Exit.MISSING
        case _:
            return Exit.FAILED


def _explain(error: CommandError, options: Options) -> None:
    if options.json:
        from agentd.cli.printing import error_json

        sys.stderr.write(error_json(error))
    else:
        sys.stderr.write(f"agentd {options.command}: {error.message}\n")


if __name__ == "__main__":
    sys.exit(main())
