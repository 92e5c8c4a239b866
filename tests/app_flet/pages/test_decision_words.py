"""What a decision card says of a command: once, and all that its title adds."""

from app_flet.components.decision import _repeats
from halyard_client.halyard.agent import v1


def test_a_title_that_only_puts_a_verb_before_the_command_is_left_out() -> None:
    assert _repeats(v1.Permission(title="Run ls -la", command="ls -la"))
    assert not _repeats(v1.Permission(title="Remove the old cache", command="rm -rf .cache"))
    assert not _repeats(v1.Permission(title="Fetch a page"))
