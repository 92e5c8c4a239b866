"""`relay`: serves, and asks a relay that serves.

Starts fast: what a command needs is imported when it is known which command it is.
"""

import argparse
import asyncio
import gc
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from relay import config
from relay.errors import ConfigError, StoreBroken, StoreDamaged, StoreLost

if TYPE_CHECKING:
    from relay.server import Relay

OK, FAILED, USAGE, DAMAGED = 0, 1, 2, 3

_log = logging.getLogger("relay")


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script. Exit codes: 0 done, 1 failed, 2 asked wrongly, 3 the store is damaged, and stays so."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.DEBUG if options.verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    if not options.verbose:
        # It would write down every visitor's address.
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
    sys.exit(_run(options))


def _run(options: argparse.Namespace) -> int:
    try:
        if options.command == "serve":
            bound = options.until_stdin_closes
            return asyncio.run(_serve(_serve_config(options), as_json=options.json, until_stdin_closes=bound))
        from relay import cli

        return cli.run(options)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return USAGE
    except StoreBroken as error:
        print(error, file=sys.stderr)
        return DAMAGED if isinstance(error, StoreDamaged) else FAILED
    except KeyboardInterrupt:
        return OK
    except Exception:
        _log.exception(
            "The relay stopped because of a defect in it; please report this. What was acknowledged is safe."
        )
        return FAILED


async def _serve(settings: config.ServeConfig, *, as_json: bool, until_stdin_closes: bool) -> int:
    """Serves until a signal, or until the program that started it is gone. When the store is lost under it, or a backup
    is to take its place, the program begins anew, at the same place.
    """
    # uvicorn imports its reloader, and that takes watchfiles with its native runtime where another package brought it:
    # a megabyte that nothing here uses. Without it uvicorn has a reloader of plain Python.
    sys.modules.setdefault("watchfiles", None)  # type: ignore[arg-type] # None is how an absent module is noted
    from relay.server import running

    stop, restore = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    asyncio.get_running_loop().add_signal_handler(config.RESTORE_SIGNAL, restore.set)
    if until_stdin_closes:
        _watch_stdin(stop)
    async with running(settings) as relay:
        # What was imported stays for good. Left to the collector, each full pass over it would hold every link up for
        # 60 ms (measured); frozen, a pass takes microseconds.
        gc.collect()
        gc.freeze()
        with _told(relay, as_json=as_json):
            await _until_either(stop, restore, relay.services.store.broken)
    why = relay.services.store.broken_by
    if restore.is_set() and not stop.is_set():
        _take_backup(settings)
        _begin_anew(relay)
    if isinstance(why, StoreLost) and stop.is_set():
        return OK
    if isinstance(why, StoreLost):
        _begin_anew(relay)
    if why is not None:
        raise why
    return OK


def _take_backup(settings: config.ServeConfig) -> None:
    from relay.backup import BackupFailed, take

    try:
        replaced = take(settings.database, time.time_ns() // 1_000_000)
    except (BackupFailed, ConfigError) as error:
        _log.error("%s Going on with the store as it was.", error)
    else:
        _log.info("A backup was put in the place of the store; the former one is %s.", replaced)


def _watch_stdin(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def on_readable() -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            loop.remove_reader(sys.stdin)
            stop.set()

    loop.add_reader(sys.stdin, on_readable)


@contextmanager
def _told(relay: "Relay", *, as_json: bool) -> Iterator[None]:
    """People, scripts and the relay's own commands know meanwhile where it is reached."""
    known, settings = relay.addresses, relay.config
    told = {"http": known.http, "grpc": known.grpc, "origin": known.origin, "pid": os.getpid()}
    private = {"tls_cert": str(settings.tls_cert or ""), "database": str(settings.database)}
    run_file = settings.data_dir / config.RUN_FILE
    try:
        run_file.write_text(json.dumps(told | private), encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{run_file} cannot be written: {error.strerror}. Make room or rights, then start again."
        ) from None
    text = json.dumps(told)
    if not as_json:
        text = f"Relay {known.origin}: apps at {known.http}, workstations at {known.grpc}."
    print(text, flush=True)
    try:
        yield
    finally:
        run_file.unlink(missing_ok=True)


async def _until_either(*events: asyncio.Event) -> None:
    either = asyncio.Event()

    async def pass_on(event: asyncio.Event) -> None:
        await event.wait()
        either.set()

    async with asyncio.TaskGroup() as tasks:
        waits = [tasks.create_task(pass_on(event)) for event in events]
        await either.wait()
        for wait in waits:
            wait.cancel()


def _begin_anew(relay: "Relay") -> NoReturn:
    """The same command with the ports that were taken, so that everybody comes back to where they were."""
    ports = ["--http", str(relay.config.http), "--grpc", str(relay.config.grpc)]
    command = [sys.executable, "-m", "relay.main", *sys.argv[1:], *ports]
    os.execv(sys.executable, command)  # noqa: S606 - no shell is wanted


def _serve_config(options: argparse.Namespace) -> config.ServeConfig:
    folder = config.data_dir(options.data)
    return config.ServeConfig(
        http=config.Address.parse(options.http),
        grpc=config.Address.parse(options.grpc),
        data_dir=folder,
        database=config.database(options.database, folder),
        limits=config.limits(options.log_mib, options.log_days),
        public_url=config.origin(options.public_url),
        public_grpc=options.public_grpc,
        web_app=not options.no_web_app,
        tls_cert=options.tls_cert,
        tls_key=options.tls_key,
        behind_tls_proxy=options.behind_tls_proxy,
        admitted=frozenset(options.admit),
    )


def _parser() -> argparse.ArgumentParser:
    from pathlib import Path

    parser = argparse.ArgumentParser(prog="relay", description="The blind relay between workstations and apps.")
    parser.add_argument("-v", "--verbose", action="store_true", help="log more")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--data", metavar="DIR", help="data folder (default: HALYARD_RELAY_DATA or the user's)")
    shared.add_argument("--json", action="store_true", help="answer in JSON, for scripts")

    stored = argparse.ArgumentParser(add_help=False)
    stored.add_argument("--database", metavar="URL", help="sqlite:///FILE (default: relay.db in the data folder)")

    serve = commands.add_parser("serve", parents=[shared, stored], help="run a relay")
    serve.add_argument("--http", default=config.DEFAULT_HTTP, metavar="HOST:PORT", help="for apps; port 0 takes any")
    serve.add_argument("--grpc", default=config.DEFAULT_GRPC, metavar="HOST:PORT", help="for workstations")
    serve.add_argument("--public-url", metavar="ORIGIN", help="how the outside reaches --http; tokens name it")
    serve.add_argument("--public-grpc", metavar="HOST:PORT", help="how the outside reaches --grpc")
    serve.add_argument("--no-web-app", action="store_true", help="serve links only")
    serve.add_argument("--tls-cert", type=Path, metavar="FILE", help="certificate chain, PEM")
    serve.add_argument("--tls-key", type=Path, metavar="FILE", help="its key, PEM")
    serve.add_argument("--behind-tls-proxy", action="store_true", help="a proxy in front ends TLS")
    serve.add_argument("--admit", action="append", default=[], metavar="ID", help="a workstation that needs no invite")
    serve.add_argument(
        "--until-stdin-closes", action="store_true", help="stop when the program that started it is gone"
    )
    serve.add_argument("--log-mib", type=int, metavar="N", help="stored log per workstation (default 64)")
    serve.add_argument("--log-days", type=int, metavar="N", help="days until unrenewed records fall out (default 90)")

    invite = commands.add_parser("invite", parents=[shared], help="make a single-use invite for a new workstation")
    invite.add_argument("--hours", type=float, default=24, help="how long it may be used (default 24)")
    commands.add_parser("workstations", parents=[shared], help="list the workstations that this relay serves")
    devices = commands.add_parser("devices", parents=[shared], help="list the apps that workstations admitted")
    devices.add_argument("workstation", nargs="?", default="", help="only of this one")
    backup = commands.add_parser("backup", parents=[shared, stored], help="copy the store to a file, while it serves")
    backup.add_argument("file", type=Path, metavar="FILE", help="where to; readable by you alone")
    backup.add_argument("--overwrite", action="store_true", help="replace an older backup of that name")
    restore = commands.add_parser(
        "restore", parents=[shared, stored], help="go back to a backup, also while the relay serves"
    )
    restore.add_argument("file", type=Path, metavar="FILE", help="a backup; what it replaces is kept beside it")
    commands.add_parser("token", parents=[shared], help="print the operator's token, for grpcurl")
    return parser


if __name__ == "__main__":
    main()
