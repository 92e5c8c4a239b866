"""The command line against a running agentd, as scripts and people use it."""

import asyncio
import json

import pytest

from tests.fakes.app_link import AppLink
from tests.fakes.opencode import find_opencode, runs, says, scripted
from tests.flows.stack import Stack
from tests.flows.steps import ONCE, decide, ended, permission, start

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_prompt_prints_the_answer_and_ends_with_it(stack: Stack) -> None:
    done = await stack.workstation.command("prompt", "--new", scripted(says("Said in a shell.")))
    assert (done.code, done.out) == (0, "Said in a shell.\n"), done.err
    again = await stack.workstation.command("--json", "prompt", scripted(says("And again.")))
    assert again.told["text"] == "And again.\n"
    assert again.told["state"] == "SESSION_STATE_IDLE"
    listed = json.loads((await stack.workstation.command("--json", "sessions")).out)["sessions"]
    assert listed[0]["name"] == again.told["session"], "without --new it goes on in the newest session of the folder"


async def test_prompt_waits_while_a_phone_decides(stack: Stack, phone: AppLink) -> None:
    async with phone.attached():
        await phone.until(lambda: phone.caught_up)
        prompt = scripted(runs("echo from a shell"), says("Ran."))
        process = await stack.workstation.open("--json", "prompt", "--new", prompt)
        await phone.until(lambda: any(value.permission.state == 1 for value in phone.named("sessions/")))
        waiting = next(value.permission for value in phone.named("sessions/") if value.permission.state == 1)
        await decide(phone, waiting, ONCE)
        out, err = await process.communicate()
        assert process.returncode == 0, err
        assert json.loads(out)["text"] == "Ran.\n"
        assert "waits for your decision" in err.decode()


async def test_a_failed_turn_is_a_failed_command(stack: Stack) -> None:
    failing = scripted(says("x"), words="Use a model that is not there.")
    done = await stack.workstation.command("--json", "prompt", "--new", "--model", "demo/absent", failing)
    assert done.code == 1
    assert done.told["state"] == "SESSION_STATE_FAILED"


async def test_approve_lists_and_is_refused_without_local_decisions(stack: Stack, phone: AppLink) -> None:
    async with phone.attached():
        name, message = await start(phone, scripted(runs("echo waiting"), says("Over.")))
        asked = await permission(phone, name)
        listed = json.loads((await stack.workstation.command("--json", "approve")).out)["permissions"]
        assert asked.name in [item["name"] for item in listed]
        refused = await stack.workstation.command("approve", asked.name, "once", terminal=True)
        assert refused.code == 6
        assert "--local-decisions" in refused.out
        await decide(phone, asked, ONCE)
        await ended(phone, name, message)
        unknown = await stack.workstation.command("approve", "per_nothing")
        assert unknown.code == 8


async def test_status_doctor_and_whoami_agree(stack: Stack, phone: AppLink) -> None:
    status = (await stack.workstation.command("--json", "status")).told
    who = (await stack.workstation.command("--json", "whoami")).told
    assert who["device_id"] == phone.workstation_id
    assert status["workstation"]["device_id"] == who["device_id"]  # type: ignore[index]
    assert status["relay_origin"] == who["relay_origin"] == stack.relay.origin
    doctor = await stack.workstation.command("--json", "doctor", "--opencode", str(find_opencode()))
    found = {check["id"]: check for check in json.loads(doctor.out)["checks"]}
    assert [name for name, check in found.items() if check["state"] == "CHECK_STATE_FAILED"] == []
    assert {"config", "files", "daemon", "link", "agent", "model", "relay", "tls", "grpc", "clock"} <= set(found)
    # The real agent names the address of its scripted model, and something answers there.
    assert "demo/scripted; its provider at http://127.0.0.1" in found["model"]["message"]


async def test_watch_tells_what_comes(stack: Stack, phone: AppLink) -> None:
    process = await stack.workstation.open("--json", "watch", "--only-new")
    assert process.stdout is not None
    assert "caught_up" in json.loads(await process.stdout.readline())
    async with phone.attached():
        name, message = await start(phone, scripted(says("Watched.")))
        await ended(phone, name, message)
    async with asyncio.timeout(30):
        while True:
            event = json.loads(await process.stdout.readline())
            if event.get("resource", {}).get("part", {}).get("text", {}).get("text") == "Watched.":
                break
    process.terminate()
    await process.communicate()


async def test_devices_are_renamed_and_given_roles_in_a_terminal(stack: Stack) -> None:
    app = await stack.workstation.pair("Old name")
    renamed = await stack.workstation.command("devices", "rename", "Old name", "New name", terminal=True)
    assert renamed.code == 0, renamed.out
    role = await stack.workstation.command("devices", "role", "New name", "viewer", terminal=True)
    assert "New name is viewer now." in role.out
    listed = json.loads((await stack.workstation.command("--json", "devices")).out)["devices"]
    (device,) = [one for one in listed if one["name"] == f"devices/{app.identity.device_id}"]
    assert (device["display_name"], device["role"]) == ("New name", "DEVICE_ROLE_VIEWER")


async def test_attach_finds_the_managed_server(stack: Stack) -> None:
    done = await stack.workstation.command("--json", "attach")
    assert done.code == 0, done.err
    assert str(done.told["url"]).startswith("http://127.0.0.1:")
    assert "password" not in done.out


async def test_a_second_daemon_of_the_profile_is_refused(stack: Stack) -> None:
    assert stack.workstation.process is not None
    done = await stack.workstation.command("--json", "run")
    assert done.code == 4
    assert str(stack.workstation.process.pid) in json.loads(done.err)["error"]["message"]
