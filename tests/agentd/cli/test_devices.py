import pytest

from agentd.cli.devices import find
from agentd.cli.outcome import CommandError, Exit
from halyard.agent.v1 import workstation_pb2 as workstation

PHONE = workstation.Device(name="devices/abc111", display_name="Pixel 9")
TABLET = workstation.Device(name="devices/abc222", display_name="Tablet")
TWIN = workstation.Device(name="devices/def333", display_name="Pixel 9")


def test_by_name_or_by_the_beginning_of_its_id() -> None:
    assert find([PHONE, TABLET], "Tablet") is TABLET
    assert find([PHONE, TABLET], "abc1") is PHONE


@pytest.mark.parametrize("typed", ["abc", "Pixel 9"])
def test_two_that_answer_are_told_apart_by_id(typed: str) -> None:
    with pytest.raises(CommandError, match="2 apps answer") as refusal:
        find([PHONE, TABLET, TWIN], typed)
    assert refusal.value.code is Exit.NOT_FOUND
    assert "abc111" in refusal.value.message


def test_none_says_where_to_look() -> None:
    with pytest.raises(CommandError, match="agentd devices") as refusal:
        find([PHONE], "iPad")
    assert refusal.value.code is Exit.NOT_FOUND


def test_nothing_typed_is_a_usage_error() -> None:
    with pytest.raises(CommandError) as refusal:
        find([PHONE], "")
    assert refusal.value.code is Exit.USAGE
