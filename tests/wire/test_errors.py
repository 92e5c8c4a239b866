import inspect
import re
from pathlib import Path

import grpc
import pytest

from wire import errors
from wire.errors import ClockSkew, Code, HalyardError, KeyMissing, PairingFailed

ROOT = Path(__file__).parents[2]
PROTO = ROOT / "proto/halyard/errors/v1/errors.proto"


def refusals() -> list[type[HalyardError]]:
    classes = [value for _, value in inspect.getmembers(errors, inspect.isclass)]
    return [c for c in classes if issubclass(c, HalyardError) and hasattr(c, "REASON")]


def test_codes_are_grpcs() -> None:
    assert {code.name: code.value for code in Code} == {status.name: status.value[0] for status in grpc.StatusCode}


@pytest.mark.parametrize("refusal", refusals())
def test_every_reason_is_in_the_contract(refusal: type[errors._Refusal]) -> None:
    assert re.search(rf"\bREASON_{refusal.REASON} = \d+;", PROTO.read_text("utf-8"))


def test_the_module_docstring_draws_the_whole_tree() -> None:
    drawing = inspect.getdoc(errors) or ""
    public = {name for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, Exception)}
    drawn = set(re.findall(r"[├└]── (\w+)", drawing)) | {"HalyardError"}
    assert public - {"_Refusal"} == drawn


def test_an_error_is_its_code_its_reason_and_a_sentence() -> None:
    error = PairingFailed("The codes do not match.", b"bye")
    assert (error.code, error.reason, error.message, str(error), error.last_words) == (
        Code.ABORTED,
        "CODE_BURNT",
        "The codes do not match.",
        "The codes do not match.",
        b"bye",
    )


def test_errors_that_a_peer_acts_on_carry_what_it_needs() -> None:
    assert ClockSkew("late", 1700000000).server_time == 1700000000
    assert KeyMissing(7).key_epoch == 7
    assert "7" in KeyMissing(7).message
