"""The apps that may follow and direct this workstation: who they are, what each may do, and the keys they are granted.

The relay learns only the list of device ids (Members). Roles are enforced here, by one table.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from agentd.errors import malformed, not_found, role_insufficient
from agentd.members_file import MembersFile
from agentd.sealer import Sealer
from agentd.session_log import SessionLog
from agentd.store import Statement, Store, put_meta
from halyard.agent.v1 import resource_pb2
from halyard.agent.v1 import workstation_pb2 as pb
from wire import names
from wire.identity import Identity, PublicKeys
from wire.sealing import Channel

MAX_NAME_LENGTH = 64
CALL_TIME_STEP_MS = 10 * 60 * 1000
"""How coarse `last_call_time` is: each change of it is a record for every app."""

_AGENTS = "/halyard.agent.v1.AgentService/"
_WORKSTATION = "/halyard.agent.v1.WorkstationService/"
_READ: Final = pb.DEVICE_ROLE_VIEWER
_APPROVE: Final = pb.DEVICE_ROLE_APPROVER
_OPERATE: Final = pb.DEVICE_ROLE_OPERATOR

METHOD_ROLES: Mapping[str, pb.DeviceRole] = {
    _AGENTS + "ListProjects": _READ,
    _AGENTS + "AddProject": _OPERATE,
    _AGENTS + "ListAgents": _READ,
    _AGENTS + "ListModels": _READ,
    _AGENTS + "ListModes": _READ,
    _AGENTS + "ListCommands": _READ,
    _AGENTS + "ListSessions": _READ,
    _AGENTS + "GetSession": _READ,
    _AGENTS + "StartSession": _OPERATE,
    _AGENTS + "Prompt": _OPERATE,
    _AGENTS + "Interrupt": _OPERATE,
    _AGENTS + "Decide": _APPROVE,
    _AGENTS + "Answer": _APPROVE,
    _AGENTS + "RenameSession": _OPERATE,
    _AGENTS + "ArchiveSession": _OPERATE,
    _AGENTS + "DeleteSession": _OPERATE,
    _AGENTS + "RevertSession": _OPERATE,
    _AGENTS + "ForkSession": _OPERATE,
    _AGENTS + "CompactSession": _OPERATE,
    _AGENTS + "ListMessages": _READ,
    _AGENTS + "GetDiff": _READ,
    _AGENTS + "ListFiles": _READ,
    _AGENTS + "ReadFile": _READ,
    _AGENTS + "FindFiles": _READ,
    _AGENTS + "Watch": _READ,
    _WORKSTATION + "GetStatus": _READ,
    _WORKSTATION + "Diagnose": _READ,
    _WORKSTATION + "ListDevices": _READ,
    _WORKSTATION + "RenameDevice": _OPERATE,
    _WORKSTATION + "SetDeviceRole": _OPERATE,
    _WORKSTATION + "RevokeDevice": _OPERATE,
    _WORKSTATION + "WithdrawCall": _APPROVE,
    _WORKSTATION + "Pair": _OPERATE,
    _WORKSTATION + "Shutdown": _OPERATE,
}
"""The least role that each method needs. A method that is missing is refused to everybody: a test keeps it complete."""

# An unknown role may only read; a smaller number is a greater role.
_RANK = {pb.DEVICE_ROLE_OPERATOR: 0, pb.DEVICE_ROLE_APPROVER: 1}


def check_role(role: pb.DeviceRole, method: str) -> None:
    """Returns when a caller of `role` may call `method`; else raises ROLE_INSUFFICIENT."""
    least = METHOD_ROLES.get(method)
    if least is None or _rank(role) > _rank(least):
        needed = "operator" if least is None else role_word(least)
        raise role_insufficient(
            f"This device is {role_word(role)} here, and this needs {needed}. "
            "Give it another role from an operator's app or with `agentd devices role`."
        )


def _rank(role: pb.DeviceRole) -> int:
    return _RANK.get(role, 2)


def role_word(role: pb.DeviceRole) -> str:
    """The role as people and pairing say it: "operator", "approver" or "viewer"."""
    return {pb.DEVICE_ROLE_OPERATOR: "operator", pb.DEVICE_ROLE_APPROVER: "approver"}.get(role, "viewer")


@dataclass(frozen=True)
class Member:
    """A paired device: its keys, what is shared with it, and what people know of it."""

    keys: PublicKeys
    channel: Channel
    resource: pb.Device

    @property
    def device_id(self) -> str:
        """Names the keys."""
        return self.keys.device_id


class Devices:
    """The members. Changes are queued to the store at once, and told to `on_change` listeners (the uplink)."""

    def __init__(
        self,
        store: Store,
        log: SessionLog,
        sealer: Sealer,
        identity: Identity,
        clock_ms: Callable[[], int],
        spare: MembersFile | None = None,
    ) -> None:
        """`spare`: where a second copy of the list is kept, for the case that the store is lost."""
        self._store = store
        self._log = log
        self._sealer = sealer
        self._identity = identity
        self._clock_ms = clock_ms
        self._spare = spare
        self._listeners: list[Callable[[], None]] = []
        self._revision = int.from_bytes(store.meta("members_revision") or b"")
        rows = store.rows("SELECT sign_key, agree_key, resource FROM devices")
        members = (self._member(PublicKeys(sign, agree), pb.Device.FromString(kept)) for sign, agree, kept in rows)
        self._members = {member.device_id: member for member in members}
        self._restored_ms = int.from_bytes(store.meta("members_restored_ms") or b"")
        if store.meta("members_revision") is None and spare is not None:
            self._restore(spare)
        elif spare is not None:
            self._keep_spare()

    @property
    def restored_ms(self) -> int:
        """When the store was lost and the members were taken from the second copy, in Unix ms; 0 for never."""
        return self._restored_ms

    @property
    def ids(self) -> list[str]:
        """Device ids, sorted."""
        return sorted(self._members)

    @property
    def revision(self) -> int:
        """Counts changes of membership."""
        return self._revision

    def on_change(self, listener: Callable[[], None]) -> None:
        """Calls `listener` after every change of membership."""
        self._listeners.append(listener)

    def member(self, device_id: str) -> Member | None:
        """The member with this id."""
        return self._members.get(device_id)

    def list(self) -> list[pb.Device]:
        """All devices, by pairing time."""
        return sorted(
            (member.resource for member in self._members.values()),
            key=lambda device: (device.pair_time.ToNanoseconds(), device.name),
        )

    def add(self, keys: PublicKeys, display_name: str, platform: str, role: pb.DeviceRole) -> pb.Device:
        """Lists a device that has just been paired and grants it the keys; a known one gets the new name and role."""
        device = pb.Device(
            name=names.device(keys.device_id),
            display_name=_checked_name(display_name),
            platform=platform[:MAX_NAME_LENGTH],
            role=role or pb.DEVICE_ROLE_OPERATOR,
        )
        device.pair_time.FromMilliseconds(self._clock_ms())
        member = self._member(keys, device)
        self._members[keys.device_id] = member
        self._keep_spare()
        self._grant(member)
        self._keep(member)
        self._membership_changed()
        return device

    def rename(self, name: str, display_name: str) -> pb.Device:
        """The device under its new display name."""
        return self._change(name, display_name=_checked_name(display_name))

    def set_role(self, name: str, role: pb.DeviceRole) -> pb.Device:
        """The device in its new role; NOT_FOUND, or MALFORMED for a role that this release does not know."""
        if role not in (pb.DEVICE_ROLE_OPERATOR, pb.DEVICE_ROLE_APPROVER, pb.DEVICE_ROLE_VIEWER):
            raise malformed("A device is operator, approver or viewer.")
        return self._change(name, role=role)

    def revoke(self, name: str) -> None:
        """Takes everything back: no longer a member, its grant emptied, new keys for the rest."""
        member = self._known(name)
        del self._members[member.device_id]
        self._keep_spare()
        self._store.write(("DELETE FROM devices WHERE device_id = ?", (member.device_id,)))
        self._log.put_grant(names.grant(member.device_id), b"")
        self._log.delete(name)
        self.turn_keys()
        self._membership_changed()

    def turn_keys(self) -> None:
        """Draws the next epoch key and grants it to every member."""
        self._sealer.turn()
        self.grant_all()

    def grant_all(self) -> None:
        """Seals the ring for every member anew."""
        for member in self._members.values():
            self._grant(member)

    def begin_anew(self) -> None:
        """Another log began, because the store is an old copy: all are granted its keys.

        The relay may have seen later lists of members than this store remembers; the clock is ahead of all of them.
        """
        self.grant_all()
        self._revision = max(self._revision, self._clock_ms())
        self._membership_changed()

    def called(self, device_id: str) -> None:
        """The device has just called."""
        member = self._members.get(device_id)
        now = self._clock_ms()
        if member is None or now - member.resource.last_call_time.ToMilliseconds() < CALL_TIME_STEP_MS:
            return
        member.resource.last_call_time.FromMilliseconds(now)
        self._keep(member)

    def _member(self, keys: PublicKeys, device: pb.Device) -> Member:
        return Member(keys, Channel(self._identity, keys), device)

    def _known(self, name: str) -> Member:
        member = self._members.get(name.removeprefix("devices/"))
        if member is None:
            raise not_found("No such device is paired; `agentd devices` lists them.")
        return member

    def _change(self, name: str, *, display_name: str = "", role: pb.DeviceRole | None = None) -> pb.Device:
        member = self._known(name)
        if display_name:
            member.resource.display_name = display_name
        if role is not None:
            member.resource.role = role
        self._keep_spare()
        self._keep(member)
        return member.resource

    def _restore(self, spare: MembersFile) -> None:
        """A store without a past: whoever was paired with the one before still is."""
        for keys, device in spare.read():
            member = self._members[keys.device_id] = self._member(keys, device)
            self._grant(member)
            self._keep(member)
        if self._members:
            self._restored_ms = self._clock_ms()
            self._store.write(put_meta("members_restored_ms", self._restored_ms.to_bytes(8)))
        # The relay knows the lists of the store before; the clock is ahead of all of them.
        self._revision = self._clock_ms()
        self._membership_changed()

    def _keep_spare(self) -> None:
        if self._spare is not None:
            self._spare.write((member.keys, member.resource) for member in self._members.values())

    def _grant(self, member: Member) -> None:
        sealed = member.channel.seal_grant(self._log.epoch, self._sealer.ring)
        self._log.put_grant(names.grant(member.device_id), sealed)

    def _keep(self, member: Member) -> None:
        self._store.write(_remember(member))
        self._log.put(resource_pb2.Resource(name=member.resource.name, device=member.resource))

    def _membership_changed(self) -> None:
        self._revision += 1
        self._store.write(put_meta("members_revision", self._revision.to_bytes(8)))
        for listener in self._listeners:
            listener()


def _remember(member: Member) -> Statement:
    return (
        "INSERT OR REPLACE INTO devices(device_id, sign_key, agree_key, resource) VALUES(?, ?, ?, ?)",
        (member.device_id, member.keys.sign, member.keys.agree, member.resource.SerializeToString()),
    )


def _checked_name(display_name: str) -> str:
    name = " ".join(display_name.split())
    if not 1 <= len(name) <= MAX_NAME_LENGTH:
        raise malformed(f"A device's name has 1 to {MAX_NAME_LENGTH} characters.")
    return name
