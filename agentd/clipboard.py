"""The person's clipboard, by way of whatever program this desktop has for it."""

import asyncio
import shutil
from collections.abc import Mapping

_PROGRAMS = (("pbcopy",), ("wl-copy",), ("xclip", "-selection", "clipboard"), ("clip.exe",))
_TAKE_SECONDS = 5.0


async def put(text: str, environment: Mapping[str, str]) -> bool:
    """Whether the clipboard took the text; False where no program for it works."""
    for name, *arguments in _PROGRAMS:
        program = shutil.which(name, path=environment.get("PATH", ""))
        if program is not None and await _takes(program, arguments, text, environment):
            return True
    return False


async def _takes(program: str, arguments: list[str], text: str, environment: Mapping[str, str]) -> bool:
    process = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        env=dict(environment),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_TAKE_SECONDS):
            await process.communicate(text.encode())
    except TimeoutError:
        process.kill()
        await process.wait()
    return process.returncode == 0
