import pytest

from agentd.cli.pair import describe, invitation, qr
from halyard.agent.v1 import workstation_pb2 as workstation
from halyard.agent.v1 import workstation_service_pb2 as service

CODE = service.PairingCode(code="7-482913", url="https://relay.example.org/pair#n=7&k=AbCdEf")


def test_the_invitation_shows_qr_link_and_code() -> None:
    shown = invitation(CODE)
    assert CODE.url in shown
    assert CODE.code in shown
    assert qr(CODE.url) in shown


def test_a_qr_is_square_enough_for_a_phone_and_depends_on_the_link() -> None:
    lines = qr(CODE.url).splitlines()
    assert len({len(line) for line in lines if line}) == 1
    assert qr(CODE.url) != qr(CODE.url + "x")


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (service.PairResponse(code=CODE), ["7-482913"]),
        (service.PairResponse(joined=service.PairingJoined()), ["entered the code"]),
        (service.PairResponse(burnt=service.PairingBurnt(reason="a wrong guess")), ["used up", "a wrong guess"]),
        (
            service.PairResponse(
                paired=workstation.Device(
                    name="devices/abcdefghij", display_name="Pixel 9", role=workstation.DEVICE_ROLE_VIEWER
                )
            ),
            ["Paired: Pixel 9 (viewer)", "agentd devices revoke abcdefgh"],
        ),
        (service.PairResponse(), ["update it"]),
    ],
)
def test_every_step_has_words(step: service.PairResponse, words: list[str]) -> None:
    told = describe(step)
    assert all(word in told for word in words)
