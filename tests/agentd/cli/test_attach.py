import subprocess
import sys

import pytest

from agentd.agents.opencode.launch import ACCESS_VARIABLE
from agentd.cli.attach import ManagedServer, find_server, server_of
from agentd.cli.outcome import CommandError, Exit
from agentd.main import main

COMMAND = ["/usr/bin/opencode", "serve", "--hostname", "127.0.0.1", "--port", "4711"]


def test_the_managed_server_is_known_by_its_command_and_its_secret() -> None:
    assert server_of(COMMAND, {ACCESS_VARIABLE: "p"}) == ManagedServer(
        ["/usr/bin/opencode"], "http://127.0.0.1:4711", "p"
    )


def test_an_interpreter_in_front_is_kept() -> None:
    server = server_of(["node", *COMMAND], {ACCESS_VARIABLE: "p"})
    assert server is not None
    assert server.program == ["node", "/usr/bin/opencode"]


def test_without_a_terminal_it_says_what_it_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["attach"]) == Exit.USAGE
    assert "needs a terminal" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "environment"),
    [(COMMAND, {}), (["python", "-m", "relay.main", "serve"], {ACCESS_VARIABLE: "p"}), ([], {ACCESS_VARIABLE: "p"})],
)
def test_other_children_are_not_it(command: list[str], environment: dict[str, str]) -> None:
    assert server_of(command, environment) is None


# Stands for agentd: it has a child as long as it is not told to let go of it.
OWNER = """
import subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
print(child.stdout.readline().decode(), end="", flush=True)
sys.stdin.readline()
child.communicate()
print("alone", flush=True)
sys.stdin.readline()
"""


def test_it_is_found_among_real_children() -> None:
    script = "import sys; print('up', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, sys.executable, "-c", script, "serve", "--port", "4711"],
        env={ACCESS_VARIABLE: "secret"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdin is not None
        assert owner.stdout is not None
        assert owner.stdout.readline() == "up\n"
        server = find_server(owner.pid)
        assert (server.url, server.password) == ("http://127.0.0.1:4711", "secret")
        print(file=owner.stdin, flush=True)
        assert owner.stdout.readline() == "alone\n"
        with pytest.raises(CommandError, match="not running yet") as refusal:
            find_server(owner.pid)
    assert refusal.value.code is Exit.UNAVAILABLE
