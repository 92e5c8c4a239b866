"""How a headless app learns that something was refused."""

from google.rpc import error_details_pb2, status_pb2


class CallFailed(Exception):
    """A call was refused; `status` says by the workstation or by the relay, and why."""

    def __init__(self, status: status_pb2.Status) -> None:
        super().__init__(f"{status.code} {reason_of(status)}: {status.message}")
        self.status = status

    @property
    def reason(self) -> str:
        """For example "ALREADY_DECIDED"."""
        return reason_of(self.status)

    @property
    def metadata(self) -> dict[str, str]:
        """What stands beside the reason."""
        return dict(_info(self.status).metadata)


class LinkRefused(Exception):
    """The relay refused the link, or the pairing."""

    def __init__(self, status: status_pb2.Status) -> None:
        super().__init__(f"{status.code} {reason_of(status)}: {status.message}")
        self.status = status
        self.reason = reason_of(status)


def reason_of(status: status_pb2.Status) -> str:
    """The reason in a status; empty when it has none."""
    return _info(status).reason


def _info(status: status_pb2.Status) -> error_details_pb2.ErrorInfo:
    info = error_details_pb2.ErrorInfo()
    for detail in status.details:
        if detail.Unpack(info):
            return info
    return info
