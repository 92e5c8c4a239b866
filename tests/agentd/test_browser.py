from pathlib import Path

import pytest

from agentd.browser import has_display, open_url


@pytest.mark.parametrize(
    ("platform", "environment", "shown"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("linux", {"DISPLAY": ""}, False),
        ("linux", {"BROWSER": "firefox"}, True),
        ("darwin", {}, True),
        ("darwin", {"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}, False),
    ],
)
def test_where_a_window_could_appear(platform: str, environment: dict[str, str], shown: bool) -> None:
    assert has_display(platform, environment) is shown


async def test_the_browser_is_given_the_whole_url(tmp_path: Path) -> None:
    script, seen = tmp_path / "browser", tmp_path / "seen"
    script.write_text(f'#!/bin/sh\nprintf %s "$1" > {seen}\n')
    script.chmod(0o700)
    assert await open_url(
        "http://127.0.0.1:8787/pair#n=7&k=secret", {"BROWSER": f"{script} %s", "PATH": "/usr/bin:/bin"}
    )
    assert seen.read_text() == "http://127.0.0.1:8787/pair#n=7&k=secret"
