"""An agentd's file of every schema so far: opened with everything in it and gone on with, or left as it was."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agentd import store as store_module
from agentd.call_book import CallBook
from agentd.errors import StorageError
from agentd.session_log import SessionLog
from agentd.store import Store
from halyard.agent.v1 import resource_pb2 as pb
from halyard.agent.v1 import workstation_pb2
from wire.calls import Advice, Step

STORED = sorted((Path(__file__).parent / "stored").glob("halyard-*.sql"))
APP = "5uc4cz233lw7yel6x5kvaqdtvi"
PROMPT = bytes.fromhex("01A1FDF88AB271019D4CA9A55BB5FFAD")
EPOCH = bytes.fromhex("01A1FDF8894774D995B921BA70D43798")
NOW_MS = 1_795_262_290_000


def test_every_schema_has_a_stored_file() -> None:
    told = [re.findall(r"PRAGMA user_version = (\d+);", file.read_text("utf-8")) for file in STORED]
    schemas = sorted(int(version) for versions in told for version in versions)
    assert schemas == list(range(1, len(store_module._VERSIONS) + 1)), "store a file of the schema that you add"


@pytest.fixture(params=STORED, ids=lambda stored: stored.stem)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "agentd.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(request.param.read_text(encoding="utf-8"))
    return path


async def test_the_log_goes_on_where_it_was(path: Path) -> None:
    with Store(path) as store:
        log = SessionLog(store, lambda: NOW_MS)
        assert (log.head.epoch, log.head.seq) == (EPOCH, 13)
        assert [entry.seq for entry in log.after(0, 100)] == [3, 4, 6, 8, 9, 10, 11, 12, 13]
        session = log.entry("sessions/s1")
        assert session is not None
        assert session.resource().session.title == "Water the beans"
        part = log.entry("sessions/s1/messages/m1/parts/p1")
        assert part is not None
        assert part.resource().part.text.text == "The beans have water."
        renamed = session.resource().session
        renamed.title = "Water everything"
        log.put(pb.Resource(name="sessions/s1", session=renamed))
        await log.flush()
        assert log.head.seq == 14


async def test_an_answered_call_is_answered_from_memory(path: Path) -> None:
    with Store(path) as store:
        book = CallBook(store, lambda: NOW_MS)
        call = book.get(APP, PROMPT)
        assert call is not None
        assert call.step is Step.ANSWERED
        assert pb.CallResult.FromString(call.answer).HasField("response")
        assert book.advise(APP, PROMPT, call.expires_ms) is Advice.ANSWER


async def test_devices_keys_and_prompts_are_there(path: Path) -> None:
    with Store(path) as store:
        ((device_id, resource),) = store.rows("SELECT device_id, resource FROM devices")
        device = workstation_pb2.Device.FromString(resource)
        assert (device_id, device.display_name) == (APP, "Ada's phone")
        assert device.role == workstation_pb2.DEVICE_ROLE_OPERATOR
        ((number, secret, seals),) = store.rows("SELECT number, secret, seals FROM epoch_keys")
        assert (number, len(secret), seals) == (1, 32, 1000)
        assert store.rows("SELECT call_id, device FROM prompts") == [(PROMPT, APP)]
        assert len(store.meta("name_key") or b"") == 32


@pytest.mark.parametrize("good", [0, 1, 2])
async def test_a_step_forward_that_fails_leaves_the_file_as_it_was(
    path: Path, good: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when steps before it went well: the release that wrote the file can go on with it."""
    before = _content(path)
    steps = [f"CREATE TABLE step{number}(x);" for number in range(good)]
    with monkeypatch.context() as patched:
        patched.setattr(store_module, "_VERSIONS", (*store_module._VERSIONS, *steps, "CREATE TABLE resources(x);"))
        with pytest.raises(StorageError, match="table resources already exists"), Store(path):
            pass
    assert _content(path) == before
    await test_the_log_goes_on_where_it_was(path)


def _content(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return [f"schema {db.execute('PRAGMA user_version').fetchone()[0]}", *db.iterdump()]
