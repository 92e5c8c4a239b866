"""Calls as the model shows them: what was asked, how far it got, what came back. Pure."""

from app_flet.model import CallView
from halyard_client.google.rpc import ErrorInfo, Status
from halyard_client.halyard.agent.v1 import Call, CallResult
from wire.calls import CallState, QueuedCall, uuid7_time_ms
from wire.errors import DOMAIN

LATE = "The workstation did not answer in time. Nothing was done; send it again if you still want it."
UNCERTAIN = "The workstation did not answer in time. It may still have taken this: look before you send it again."


def view_of(call: QueuedCall) -> CallView:
    """A queued call as screens see it."""
    asked = Call.parse(call.payload)
    result = CallResult.parse(call.answer) if call.answer else CallResult()
    return CallView(
        call_id=call.call_id,
        workstation=call.workstation,
        method=asked.method,
        request=asked.request,
        state=call.state,
        created_ms=uuid7_time_ms(call.call_id),
        error=_error(call, result),
        reason=reason_of(result.error) if result.error else "",
        is_certain=call.is_certain,
        response=result.response or b"",
    )


def _error(call: QueuedCall, result: CallResult) -> str:
    if call.state is CallState.EXPIRED:
        return LATE if call.is_certain else UNCERTAIN
    if call.state is CallState.REFUSED:
        return (result.error.message if result.error else "") or "The workstation refused this without a word."
    return ""


def reason_of(status: Status) -> str:
    """The value name of errors.v1.Reason in `status`, without its prefix; empty when there is none."""
    for detail in status.details:
        if detail.type_url.endswith("google.rpc.ErrorInfo"):
            info = ErrorInfo.parse(detail.value)
            if info.domain == DOMAIN:
                return info.reason
    return ""
