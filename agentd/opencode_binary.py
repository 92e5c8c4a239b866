"""Which OpenCode to run, and whether it has a model of the person's own."""

import asyncio
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from agentd.errors import ConfigError

INSTALL = "Install it with `npm install -g opencode-ai`, or name its binary with --opencode FILE."
MODELS_SECONDS = 20.0

# Where `make up` installs OpenCode for people who have none.
CHECKOUT = Path(__file__).resolve().parents[1]

# Models that OpenCode lists for everybody, without any key: using them unasked would send a person's code to strangers.
_FREE_FOR_ALL = "opencode/"
_OWN_PROVIDER = "opencode"


def find(named: Path | None, environment: Mapping[str, str], checkout: Path) -> Path:
    """Returns the binary: the one named, else from PATH, else from `checkout`/node_modules; else ConfigError.

    The folder that agents work in is not searched: whoever wrote the project would choose the program.
    """
    if named is not None:
        if shutil.which(named) is None:
            raise ConfigError(f"{named} cannot be run. Give --opencode the OpenCode binary itself.")
        return named.absolute()
    on_path = shutil.which("opencode", path=environment.get("PATH", ""))
    if on_path is not None:
        return Path(on_path)
    beside = checkout / "node_modules" / ".bin" / "opencode"
    if beside.exists():
        return beside
    raise ConfigError(f"OpenCode is not installed: there is no `opencode` on PATH. {INSTALL}")


async def has_own_model(binary: Path, folder: Path, environment: Mapping[str, str]) -> bool:
    """Returns whether this OpenCode has a provider that the person configured, for `folder`; asks OpenCode itself."""
    process = await asyncio.create_subprocess_exec(
        binary,
        "models",
        cwd=folder,
        env=dict(environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(MODELS_SECONDS):
            listed, _ = await process.communicate()
    except TimeoutError:
        return False
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return is_own(listed.decode(errors="replace").split(), credentials(environment))


def is_own(models: Iterable[str], credentials: Iterable[str]) -> bool:
    """Returns whether any of `models` ("provider/model") is there because the person configured it."""
    return _OWN_PROVIDER in credentials or any("/" in model and not model.startswith(_FREE_FOR_ALL) for model in models)


def credentials(environment: Mapping[str, str]) -> list[str]:
    """Returns the providers that the person is logged in to, from OpenCode's own file; empty when there is none."""
    data = environment.get("XDG_DATA_HOME") or f"{environment.get('HOME', '~')}/.local/share"
    try:
        return list(json.loads((Path(data).expanduser() / "opencode" / "auth.json").read_text()))
    except (OSError, ValueError, TypeError):
        return []
