"""Which keys are grants: the same answer in Python, in SQL and on the wire."""

import contextlib
import sqlite3

import pytest

from relay.grants import NOT_A_GRANT, grant_key, is_grant
from tests.relay.peers import new_identity
from wire import names

DEVICE = new_identity().device_id


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (grant_key(DEVICE), True),
        (b"grants/" + b"\xff" * 20, True),
        (b"grants/123456789", False),
        (b"0123456789abcdef", False),
        (b"Grants/" + b"x" * 26, False),
        (b"g", False),
    ],
    ids=["a device's", "the shortest id of any bytes", "too short", "opaque", "another case", "one byte"],
)
def test_python_and_sql_agree(key: bytes, expected: bool) -> None:
    assert is_grant(key) is expected
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        (spared,) = db.execute(f"SELECT {NOT_A_GRANT} FROM (SELECT ? AS key)", (key,)).fetchone()
    assert bool(spared) is not expected


def test_the_key_is_the_one_that_workstations_write() -> None:
    assert grant_key(DEVICE) == names.opaque_key(bytes(32), names.grant(DEVICE))
    assert names.granted_device(grant_key(DEVICE)) == DEVICE
