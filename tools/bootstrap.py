"""Fetch what a command needs, once: `python3 tools/bootstrap.py NEED...`. Needs only the standard library and pip.

A need that is already met costs a hash comparison, so second runs start at once. What cannot be fetched is named in
one sentence with the line that installs it.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAMPS = ROOT / ".bootstrap"
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
OLDEST = (3, 11)
# program on PATH -> Debian package
TERMINAL_TOOLS = {"rg": "ripgrep", "tmux": "tmux"}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


class MissingNeedError(Exception):
    """The message is a sentence that says what to install."""


def run(*command: str | Path, quiet: bool = False) -> None:
    """Run a step in the repository; its failure ends the bootstrap with its own output above."""
    done = subprocess.run([str(part) for part in command], cwd=ROOT, check=False, capture_output=quiet, text=True)
    if done.returncode != 0:
        detail = f"\n{done.stdout}{done.stderr}" if quiet else ""
        raise MissingNeedError(f"`{' '.join(map(str, command))}` failed (exit code {done.returncode}).{detail}")


def digest(*paths: Path) -> str:
    """One hash over the bytes of some files and the interpreter's version."""
    total = hashlib.sha256(f"{sys.version_info[:3]} {ROOT}".encode())
    for path in paths:
        total.update(path.read_bytes())
    return total.hexdigest()


def is_stamped(name: str, value: str) -> bool:
    """Whether the step `name` was completed with the same inputs."""
    stamp = STAMPS / name
    return stamp.is_file() and stamp.read_text() == value


def stamp(name: str, value: str) -> None:
    """Remember that the step `name` was completed with these inputs."""
    STAMPS.mkdir(exist_ok=True)
    (STAMPS / name).write_text(value)


def make_environment() -> None:
    """Create `.venv` unless it works. Without Debian's python3-venv it starts empty and this pip fills it."""
    if VENV_PYTHON.exists() and subprocess.run([VENV_PYTHON, "-c", ""], check=False).returncode == 0:
        return
    shutil.rmtree(VENV, ignore_errors=True)
    for name in ("app", "dev"):
        (STAMPS / name).unlink(missing_ok=True)
    has_ensurepip = subprocess.run([sys.executable, "-c", "import ensurepip"], check=False, capture_output=True)
    extra = [] if has_ensurepip.returncode == 0 else ["--without-pip"]
    run(sys.executable, "-m", "venv", *extra, VENV)


def pip(*arguments: str) -> None:
    """Run pip for `.venv`: its own, or this interpreter's when it has none."""
    common = ["install", "--quiet", "--disable-pip-version-check", *arguments]
    own = subprocess.run([VENV_PYTHON, "-m", "pip", "--version"], check=False, capture_output=True)
    if own.returncode == 0:
        run(VENV_PYTHON, "-m", "pip", *common)
    else:
        run(sys.executable, "-m", "pip", "--python", VENV_PYTHON, *common)


def install(name: str, *lists: str) -> None:
    """Install requirement lists, every file checked against its hash, then this checkout in place."""
    paths = [ROOT / "requirements" / f"{part}.txt" for part in lists]
    value = digest(*paths, ROOT / "pyproject.toml")
    make_environment()
    if is_stamped(name, value):
        return
    print(f"Installing Python packages ({name}) into .venv, about half a minute …", flush=True)
    pip("--require-hashes", *(part for path in paths for part in ("-r", str(path))))
    pip("--no-deps", "--no-build-isolation", "--editable", ".")
    stamp(name, value)


def need_app() -> None:
    """What running Halyard takes; the development set contains it."""
    if not is_stamped("dev", digest(ROOT / "requirements" / "dev.txt", ROOT / "pyproject.toml")):
        install("app", "app", "build")


def need_dev() -> None:
    """What checking, testing, generating and measuring take."""
    install("dev", "dev")


def need_opencode() -> None:
    """The pinned OpenCode, in `node_modules`."""
    value = digest(ROOT / "package.json", ROOT / "package-lock.json")
    program = ROOT / "node_modules" / ".bin" / "opencode"
    if is_stamped("opencode", value) and program.exists():
        return
    if shutil.which("npm") is None:
        raise MissingNeedError("OpenCode comes from npm, which is not here. Install Node: apt-get install npm")
    print("Installing OpenCode and the benchmark's baseline from npm into node_modules …", flush=True)
    run("npm", "ci", "--no-audit", "--no-fund", "--loglevel=error", quiet=True)
    if subprocess.run([program, "--version"], check=False, capture_output=True).returncode != 0:
        raise MissingNeedError(
            "npm has no OpenCode for this kind of machine in package-lock.json, or could not finish its installation. "
            "Install it yourself, so that `opencode` is on PATH: npm install --global opencode-ai@1.18.33"
        )
    stamp("opencode", value)


def need_any_opencode() -> None:
    """The person's own OpenCode, or the pinned one."""
    if shutil.which("opencode") is None:
        need_opencode()


def missing_packages(*, browser: bool) -> list[str]:
    """Debian packages whose programs are not on PATH."""
    missing = [package for program, package in TERMINAL_TOOLS.items() if shutil.which(program) is None]
    if browser and not any(shutil.which(name) for name in BROWSERS):
        missing.append("chromium")
    return missing


def fetch_packages(*, browser: bool, required: bool) -> None:
    """Install missing programs through apt when root; otherwise say what to install."""
    missing = missing_packages(browser=browser)
    if not missing:
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"Installing {', '.join(missing)} through apt …", flush=True)
        run("apt-get", "update", "-qq", quiet=True)
        run("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-qq", "-y", "--no-install-recommends",
            *missing, quiet=True)  # fmt: skip
        return
    sentence = f"Please install {', '.join(missing)}: sudo apt-get install {' '.join(missing)}"
    if required:
        raise MissingNeedError(sentence)
    print(f"{sentence} (agents search files with ripgrep; terminals live in tmux). Going on without.")


NEEDS: dict[str, Callable[[], None]] = {
    "app": need_app,
    "dev": need_dev,
    "opencode": need_opencode,
    "any-opencode": need_any_opencode,
    "terminal-tools": lambda: fetch_packages(browser=False, required=False),
    "test-programs": lambda: fetch_packages(browser=True, required=True),
}


def main(names: list[str]) -> int:
    """Meet the needs, side by side, for none waits for another; 1 and a sentence for each that cannot be met."""
    if sys.version_info < OLDEST:
        print(f"Halyard needs Python 3.11 or newer; this is {sys.version.split()[0]}. Run: make PYTHON=python3.11 …")
        return 1
    with ThreadPoolExecutor(max_workers=len(NEEDS)) as side_by_side:
        steps = [side_by_side.submit(NEEDS[name]) for name in names]
    failures = [failure for failure in map(Future.exception, steps) if failure is not None]
    for failure in failures:
        if not isinstance(failure, MissingNeedError):
            raise failure
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
