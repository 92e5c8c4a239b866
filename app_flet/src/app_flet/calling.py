"""Calls as the model shows them: what was asked, how far it got, what came back. Pure."""

from collections.abc import Mapping

from app_flet.intents import PROMPT
from app_flet.model import CallView, frozen
from app_flet.reading import UNREADABLE
from halyard_client.google.rpc import ErrorInfo, Status
from halyard_client.halyard.agent.v1 import Call, CallResult, PromptResponse
from wire.calls import CallState, QueuedCall, uuid7_time_ms
from wire.errors import DOMAIN

UNSENT = (
    "This was not sent: the relay could not be reached for as long as it made sense. Nothing was done; send it again "
    "if you still want it."
)
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
        facts=facts_of(result.error) if result.error else frozen(),
        has_left=call.attempts > 0,
        is_certain=call.is_certain,
        response=result.response or b"",
    )


def prompted(call: CallView) -> str:
    """The message that a prompt became, once the workstation has taken it; empty for all other calls."""
    if call.method != PROMPT or call.state is not CallState.DONE:
        return ""
    return PromptResponse.parse(call.response).message


def _error(call: QueuedCall, result: CallResult) -> str:
    if call.state is CallState.EXPIRED:
        return UNSENT if call.is_certain else UNCERTAIN
    if call.state is CallState.REFUSED:
        return (result.error.message if result.error else "") or "The workstation refused this without a word."
    return ""


def reason_of(status: Status) -> str:
    """The value name of errors.v1.Reason in `status`, without its prefix; empty when there is none."""
    return _info(status).reason


def facts_of(status: Status) -> Mapping[str, str]:
    """What `status` tells beside its reason, as errors.v1 names it; for example who decided first."""
    return frozen(dict(_info(status).metadata))


def _info(status: Status) -> ErrorInfo:
    for detail in status.details:
        if detail.type_url.endswith("google.rpc.ErrorInfo"):
            try:
                info = ErrorInfo.parse(detail.value)
            except UNREADABLE:
                continue  # a relay that cannot say why has still refused
            if info.domain == DOMAIN:
                return info
    return ErrorInfo()
