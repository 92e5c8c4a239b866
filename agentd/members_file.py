"""A second copy of who is paired, beside the store: with it, apps outlive a store that was deleted or damaged.

The log can be told anew and gets another epoch; a list of paired apps that is lost would send a person to every one of
their devices. The file holds public keys, names and roles, and is written before a change of membership is told.
"""

import base64
import binascii
import json
import logging
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from google.protobuf.message import DecodeError

from agentd.config import PRIVATE_FILE
from agentd.errors import unreadable
from halyard.agent.v1 import workstation_pb2 as pb
from wire.errors import HalyardError
from wire.identity import PublicKeys

_log = logging.getLogger(__name__)

Listed = tuple[PublicKeys, pb.Device]


class MembersFile:
    """The file. Reading and writing take about a millisecond and happen when somebody is paired or changed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Sequence[Listed]:
        """The members as they were written last; none when there is no file, or one that makes no sense.

        StorageError when it cannot be read as things are: to go on without it would forget who is paired.
        """
        try:
            return [_member(told) for told in json.loads(self._path.read_text(encoding="utf-8"))["members"]]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise unreadable(self._path, error) from error
        except (ValueError, KeyError, TypeError, binascii.Error, DecodeError, HalyardError) as error:
            _log.warning("%s cannot be read (%s); apps have to be paired again.", self._path, error)
            return []

    def write(self, members: Iterable[Listed]) -> None:
        """Replaces the file as a whole, on disk when this returns. A disk that refuses leaves no file at all."""
        told = json.dumps({"members": [_told(keys, device) for keys, device in members]})
        draft = self._path.with_suffix(".new")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE_FILE)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(told)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as error:
            # An app that was taken out must not come back by an old copy: rather none than this one.
            self._path.unlink(missing_ok=True)
            _log.warning("%s cannot be written (%s); the store alone knows who is paired.", self._path, error)


def _told(keys: PublicKeys, device: pb.Device) -> dict[str, str]:
    parts = {"sign": keys.sign, "agree": keys.agree, "device": device.SerializeToString(deterministic=True)}
    return {name: base64.b64encode(value).decode() for name, value in parts.items()}


def _member(told: dict[str, str]) -> Listed:
    sign, agree, device = (base64.b64decode(told[name], validate=True) for name in ("sign", "agree", "device"))
    return PublicKeys(sign, agree), pb.Device.FromString(device)
