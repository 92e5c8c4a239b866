"""The files of the web app: Flet's client, our overlay above it, and copies compressed beforehand.

The client lives under a folder named after its contents, so a browser may keep it for ever and an upgrade never meets
an old half of itself. Only `index.html` and what stands beside it are asked for again. Compressed copies are made once
per release, in the background: the first visitor is usually the machine itself, which needs none.
"""

import base64
import hashlib
import mimetypes
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import brotli
import flet_web

CLIENT = "/client/"
COMPRESSED = frozenset({".wasm", ".js", ".mjs", ".otf", ".ttf", ".json", ".bin", ".frag", ".html", ".symbols"})
COMPRESS_ABOVE_BYTES = 1024
BROTLI_QUALITY = 9
"""Ten seconds for everything on a small machine; the last two steps cost ten times that for two per cent."""
WITHHELD = ("pyodide/", "python", "flutter_service_worker.js", "index.html", "manifest.json")
"""Parts of the client that Halyard does not use or replaces."""
FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"

_SERVICE_WORKER = re.compile(rb"\s*serviceWorkerSettings: \{.*?\n    \},", re.DOTALL)
_INLINE_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)

# Windows machines may not know these.
mimetypes.add_type("text/javascript", ".mjs")
mimetypes.add_type("application/wasm", ".wasm")
mimetypes.add_type("font/otf", ".otf")
mimetypes.add_type("font/woff2", ".woff2")


class ClientUnknown(Exception):
    """The installed Flet client is not laid out as expected; install the pinned version."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is to be answered."""

    body: bytes
    media_type: str
    etag: str
    cache_control: str
    encoding: str = ""
    """"br", or empty for none."""


class WebAssets:
    """Everything that is served; read from disk when asked for, kept compressed in `cache_dir`."""

    def __init__(self, overlay: Path, cache_dir: Path, client: Path | None = None) -> None:
        """`overlay`: our own assets folder; `client`: Flet's web client, by default the installed one."""
        self._overlay = overlay
        self._client = client or Path(flet_web.get_package_web_dir())
        self._cache_dir = cache_dir / self.release
        self._compressor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="halyard-brotli")
        self._compressing: set[str] = set()

    @cached_property
    def release(self) -> str:
        """Names the contents of client and overlay: 16 hex digits."""
        digest = hashlib.sha256()
        for root in (self._client, self._overlay):
            for path in sorted(path for path in root.rglob("*") if path.is_file()):
                stat = path.stat()
                digest.update(f"{path.relative_to(root)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
        return digest.hexdigest()[:16]

    @cached_property
    def client_path(self) -> str:
        """Where the client is mounted, with a slash at both ends."""
        return f"{CLIENT}{self.release}/"

    @cached_property
    def index(self) -> bytes:
        """The page itself."""
        return (self._overlay / "index.html").read_bytes().replace(b"{{client}}", self.client_path.encode())

    @cached_property
    def inline_script_hashes(self) -> list[str]:
        """CSP sources of the page's inline scripts, for example `'sha256-…'`."""
        scripts = _INLINE_SCRIPT.findall(self.index)
        return [f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'" for script in scripts]

    def find(self, path: str, *, accepts_brotli: bool) -> Asset | None:
        """What to answer for the URL path `path`; the page itself for the app's own places; None when there is nothing.

        Reads the disk; call it from a thread.
        """
        if path.startswith(self.client_path):
            return self._file(path.removeprefix(self.client_path), FOR_EVER, accepts_brotli=accepts_brotli)
        name = path.lstrip("/")
        found = self._file(name, ASK_AGAIN, accepts_brotli=accepts_brotli) if name and name != "index.html" else None
        if (found is None and "." not in name.rsplit("/", 1)[-1]) or name == "index.html":
            return self._asset(self.index, "index.html", ASK_AGAIN)
        return found

    def _file(self, name: str, cache_control: str, *, accepts_brotli: bool) -> Asset | None:
        source = self._source(name)
        if source is None:
            return None
        if accepts_brotli and source.suffix in COMPRESSED and source.stat().st_size > COMPRESS_ABOVE_BYTES:
            compressed = self._compressed(name, source)
            if compressed is not None:
                return self._asset(compressed, name, cache_control, "br")
        return self._asset(self._contents(name, source), name, cache_control)

    def _source(self, name: str) -> Path | None:
        if name.startswith(WITHHELD) and name != "manifest.json":
            return None
        for root in (self._overlay, self._client):
            path = (root / name).resolve()
            if path.is_relative_to(root.resolve()) and path.is_file():
                return path
        return None

    def _contents(self, name: str, source: Path) -> bytes:
        body = source.read_bytes()
        return _without_service_worker(body) if name == "flutter_bootstrap.js" else body

    def _compressed(self, name: str, source: Path) -> bytes | None:
        """The compressed copy; None while it is being made."""
        copy = self._cache_dir / (hashlib.sha256(name.encode()).hexdigest()[:24] + ".br")
        if copy.is_file():
            return copy.read_bytes()
        if name not in self._compressing:
            self._compressing.add(name)
            self._compressor.submit(self._compress, name, source, copy)
        return None

    def _compress(self, name: str, source: Path, copy: Path) -> None:
        self._cache_dir.mkdir(parents=True, exist_ok=True)
        half_written = copy.with_suffix(".part")
        half_written.write_bytes(brotli.compress(self._contents(name, source), quality=BROTLI_QUALITY))
        half_written.replace(copy)

    def _asset(self, body: bytes, name: str, cache_control: str, encoding: str = "") -> Asset:
        media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        etag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
        return Asset(body, media_type, etag, cache_control, encoding)

    def close(self) -> None:
        """Lets go of the compressor; what it has begun it ends."""
        self._compressor.shutdown(wait=False, cancel_futures=True)


def _without_service_worker(bootstrap: bytes) -> bytes:
    """Flutter's own service worker unregisters every other one at this scope, and reloads the page doing so."""
    without, count = _SERVICE_WORKER.subn(b"", bootstrap)
    if count != 1:
        raise ClientUnknown("Flet's web client is of an unknown layout; install the pinned version with `make up`.")
    return without
