"""Review and files: what must be asked of the workstation."""

from collections.abc import Callable

from app_flet.device import Device
from app_flet.pages.files import _extent, fenced, size
from halyard_client.google.rpc import Status
from halyard_client.halyard.agent import v1
from tests.app_flet.harbour import Harbour
from tests.app_flet.harness import staged
from tests.app_flet.scenes import PATCH
from tests.app_flet.workstation import Workstation

ENTRIES = [v1.FileEntry(path="src", folder=True), v1.FileEntry(path="README.md", size_bytes=2048)]


def answer(method: str, request: bytes) -> bytes | Status:
    match method.rpartition("/")[2]:
        case "GetDiff":
            scope = v1.GetDiffRequest.parse(request)
            path = "tree.py" if scope.project else "turn.py" if scope.message else "session.py"
            return bytes(v1.GetDiffResponse(diffs=[v1.FileDiff(path=path, patch=PATCH, additions=8, deletions=4)]))
        case "ListFiles":
            return bytes(v1.ListFilesResponse(entries=ENTRIES))
        case "FindFiles":
            return bytes(v1.FindFilesResponse(paths=["src/deep/app.py"]))
        case "ReadFile":
            return bytes(v1.ReadFileResponse(content=b"print('hi')\n", size_bytes=12))
        case _:
            return Status(code=12, message="no")


async def test_review_shows_the_session_and_the_working_tree(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    bench.answer = answer
    async with staged(paired, f"/w/{bench.id}/s/s1/review", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "session.py" in stage.text())
        assert "+ def create_app() -> Flask:" in stage.text(), "a single file is open already"
        await stage.choose("review-scope", "tree")
        await stage.until(lambda: "tree.py" in stage.text())


async def test_a_workstation_that_is_away_is_an_answer_and_can_be_asked_again(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    bench.answer = lambda _method, _request: Status(code=14, message="OpenCode is not running. Start it again.")
    async with staged(paired, f"/w/{bench.id}/s/s1/review", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "OpenCode is not running. Start it again." in stage.text())
        bench.answer = answer
        await stage.tap("fetch-again")
        await stage.until(lambda: "session.py" in stage.text())
    assert paired.store.calls() == []


async def test_files_are_walked_found_and_read(paired: Device, harbour: Harbour, bench: Workstation) -> None:
    bench.answer = answer
    async with staged(paired, f"/w/{bench.id}/p/webshop/files", served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "path:src" in stage.ids() and "2.0 KiB" in stage.text())
        await stage.tap("path:README.md")
        await stage.until(lambda: "print('hi')" in stage.text())
        await stage.tap("back")
        await stage.until(lambda: "path:src" in stage.ids())
        await stage.submit("files-search", "app")
        await stage.until(lambda: "path:src/deep/app.py" in stage.ids())


async def test_what_was_looked_at_stays_readable_without_the_workstation_and_is_asked_for_when_it_is_back(
    paired: Device, harbour: Harbour, bench: Workstation, make_device: Callable[[str], Device]
) -> None:
    bench.answer = answer
    place = f"/w/{bench.id}/p/webshop/files?path=README.md"
    async with staged(paired, place, served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "print('hi')" in stage.text())
    await harbour.presence(bench, online=False)
    asked = len(bench.calls)
    paired.store.close()
    async with staged(make_device("device"), place, served_by=harbour.origin, linked=True) as stage:
        await stage.until(lambda: "bench is offline" in stage.text())
        assert "print('hi')" in stage.text()
        assert "as-of" in stage.ids()
        assert len(bench.calls) == asked, "nobody is asked who cannot answer"
        await stage.tap("back")
        await stage.until(lambda: "Not to be had right now" in stage.text())
        await harbour.presence(bench, online=True)
        await stage.until(lambda: "path:src" in stage.ids() and "as-of" not in stage.ids())


def test_no_line_of_a_file_closes_its_code_block() -> None:
    assert fenced("````\nx", "a.py") == "`````python\n````\nx\n`````"


def test_sizes() -> None:
    assert [size(n) for n in (12, 2048, 5 * 1024 * 1024)] == ["12 B", "2.0 KiB", "5.0 MiB"]


def test_of_a_long_file_it_says_how_much_is_shown() -> None:
    short = v1.ReadFileResponse(content=b"a\nb\n", size_bytes=4)
    assert _extent(short, "a\nb\n") == "3 lines · 4 B"
    line = "x" * 39 + "\n"
    long = v1.ReadFileResponse(content=(line * 2_000).encode(), size_bytes=80_000)
    assert _extent(long, line * 2_000) == "the first 1500 lines of 78.1 KiB"
