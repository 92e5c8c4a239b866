"""What v1 once wrote is read for ever, by both runtimes, and means the same."""

import base64

import pytest
from google.protobuf import json_format

from tests.contract import contract
from tests.contract.examples import FOLDER, Example, load, roots, variants

KINDS = contract.message_types()
EXAMPLES = [
    pytest.param(path.stem, example, id=f"{path.stem}-{variant}")
    for path in sorted(FOLDER.glob("*.json"))
    for variant, example in load(path).items()
]


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_an_old_message_still_says_what_it_said(name: str, example: Example) -> None:
    written = base64.b64decode(example["base64"])
    message = contract.google_class(KINDS[name]).FromString(written)

    assert json_format.MessageToDict(message, preserving_proto_field_name=True) == example["message"]
    assert message.SerializeToString(deterministic=True) == written
    assert bytes(contract.client_class(KINDS[name]).parse(written)) == written


@pytest.mark.parametrize("name", roots())
def test_every_message_that_travels_has_its_examples(name: str) -> None:
    missing = {variant for variant, _ in variants(KINDS[name])} - set(load(FOLDER / f"{name}.json"))
    assert missing == set(), "Run: python -m tests.contract.examples"
