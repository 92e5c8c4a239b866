"""Every line of the threat model's table has tests that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HERE = "tests/adversary"
RELAY = "relay operator, or whoever breaks in"
GUESSER = "a guesser of codes"
LESSER = "another paired device of a lesser role"

CELLS: dict[tuple[str, str], list[str]] = {
    (RELAY, "read content"): [
        f"{HERE}/test_reading.py::test_no_word_of_anybody_crosses_in_clear",
        f"{HERE}/test_reading.py::test_no_word_of_anybody_is_on_the_disk_of_a_real_relay",
    ],
    (RELAY, "forge or alter a command, or turn a decision round"): [
        f"{HERE}/test_commands.py::test_a_call_that_the_relay_makes_up_is_never_carried_out",
        f"{HERE}/test_commands.py::test_an_altered_call_is_never_carried_out",
        f"{HERE}/test_commands.py::test_a_decision_cannot_be_turned_round_or_moved",
        f"{HERE}/test_commands.py::test_a_call_for_another_workstation_or_in_another_name_is_never_carried_out",
        f"{HERE}/test_commands.py::test_the_method_is_under_the_seal",
    ],
    (RELAY, "make a device believe a false answer"): [
        f"{HERE}/test_commands.py::test_an_answer_cannot_be_forged_swapped_or_moved",
        f"{HERE}/test_commands.py::test_a_relay_that_says_no_is_believed_only_before_the_call_was_repeated",
        f"{HERE}/test_commands.py::test_a_forged_stored_or_taken_never_says_more_than_that",
        "tests/agentd/test_hostile_calls.py::test_what_was_altered_on_the_way_is_dropped_and_says_nothing_of_the_true_call",
    ],
    (RELAY, "forge or alter a record, or move a value to another key, seq, epoch or workstation"): [
        f"{HERE}/test_records.py::test_a_value_cannot_be_forged_altered_or_moved",
        f"{HERE}/test_records.py::test_a_log_of_another_epoch_or_workstation_is_not_taken_for_this_one",
        f"{HERE}/test_records.py::test_hints_and_heads_of_the_relays_own_make_change_nothing",
    ],
    (RELAY, "replay a command, now or days later"): [
        f"{HERE}/test_commands.py::test_a_replayed_call_takes_effect_once",
        f"{HERE}/test_commands.py::test_a_call_that_was_kept_for_days_is_never_carried_out_again",
    ],
    (RELAY, "show an old value as new"): [
        f"{HERE}/test_records.py::test_an_older_value_is_not_shown_for_a_newer_one",
        f"{HERE}/test_records.py::test_a_lower_epoch_is_refused_also_by_a_replica_that_holds_nothing",
    ],
    (RELAY, "go back to an older copy, withhold, leave out or fall silent unnoticed"): [
        f"{HERE}/test_freshness.py::test_records_that_are_promised_and_withheld_are_missed",
        f"{HERE}/test_freshness.py::test_a_relay_that_lets_nothing_through_is_noticed_though_it_says_that_all_is_well",
        f"{HERE}/test_freshness.py::test_a_relay_that_calls_a_workstation_online_is_believed_for_the_time_of_an_answer",
        f"{HERE}/test_freshness.py::test_a_relay_that_went_back_to_a_backup_is_noticed_and_shows_nothing_old",
        f"{HERE}/test_freshness.py::test_a_relay_that_says_it_let_go_of_what_it_has_is_doubted",
        f"{HERE}/test_freshness.py::test_a_phone_that_slept_is_not_alarmed",
        f"{HERE}/test_freshness.py::test_a_relay_cannot_ask_the_phone_to_look_away",
        f"{HERE}/test_freshness.py::test_a_single_record_that_is_left_out_is_noticed_and_comes_once_the_relay_gives_it",
        f"{HERE}/test_freshness.py::test_a_record_that_was_left_out_for_a_while_heals_by_itself",
        f"{HERE}/test_freshness.py::test_a_relay_that_hands_out_no_head_in_time_for_a_comparison_is_noticed",
        f"{HERE}/test_new_log.py::test_a_log_that_the_relay_invents_is_not_waited_for_in_silence",
        f"{HERE}/test_new_log.py::test_a_forged_proof_is_told_of_until_a_true_one_comes",
        f"{HERE}/test_new_log.py::test_a_log_that_truly_began_anew_is_read_without_a_warning",
        f"{HERE}/test_left_out.py::test_an_honest_relay_is_never_said_to_have_left_something_out",
        f"{HERE}/test_left_out.py::test_what_is_left_out_is_missed_and_comes_with_the_next_reading",
    ],
    (RELAY, "add a device, or hand one the keys of another"): [
        f"{HERE}/test_members.py::test_a_member_that_the_relay_invents_can_neither_command_nor_read",
        f"{HERE}/test_members.py::test_the_grant_of_another_device_opens_for_nobody_else",
    ],
    (RELAY, "stop or spin a daemon or an app with malformed frames"): [
        "tests/fuzz/test_targets.py::test_any_bytes_are_taken",
        "tests/fuzz/test_targets.py::test_seeds_and_what_was_once_found_are_taken",
        "tests/agentd/test_calls_bad_input.py::test_whatever_a_relay_hands_over_nothing_dies",
        "tests/relay/test_fuzzing.py::test_every_door_stands",
    ],
    ("network attacker", "anything more"): [
        "tests/relay/test_config.py::test_a_bind_that_the_outside_reaches_needs_tls",
        "tests/relay/test_config.py::test_a_proxy_makes_a_loopback_bind_public",
        "tests/relay/test_app_socket.py::test_a_token_is_good_once_for_this_relay_and_this_minute",
    ],
    ("someone who sees the QR or hears the code later", "pair"): [
        f"{HERE}/test_meeting.py::test_a_link_that_was_used_is_used_up_and_its_steps_pair_nobody_else",
        "tests/relay/test_pairing_service.py::test_a_slot_has_one_guest_ever",
        "tests/relay/test_pairing_slots.py::test_a_slot_lives_five_minutes",
    ],
    (GUESSER, "try in bulk, also as the relay"): [
        f"{HERE}/test_meeting.py::test_a_relay_that_guesses_has_one_guess_per_code_and_three_codes",
        "tests/agentd/test_pairing_host.py::test_three_wrong_guesses_stop_pairing",
        "tests/relay/test_pairing_service.py::test_joins_are_counted_per_address_on_loopback_too",
    ],
    (GUESSER, "try offline"): [
        f"{HERE}/test_meeting.py::test_who_listened_to_a_pairing_cannot_try_codes_offline",
    ],
    ("whoever meddles with a pairing", "be taken for the other side"): [
        f"{HERE}/test_meeting.py::test_whoever_meddles_with_a_step_burns_the_code",
    ],
    ("a stolen phone", "anything after"): [
        f"{HERE}/test_members.py::test_a_stolen_phone_is_worth_nothing_after_it_was_revoked",
        f"{HERE}/test_members.py::test_what_a_revoked_device_seals_is_not_believed_by_others",
        "tests/agentd/test_uplink.py::test_a_revoked_device_is_out_at_once_and_others_go_on",
        "tests/relay/test_app_socket.py::test_a_removed_device_loses_that_log_at_once",
    ],
    (LESSER, "prompt, change roles"): [
        f"{HERE}/test_members.py::test_a_lesser_role_does_what_its_table_says_and_nothing_more",
        "tests/agentd/test_devices.py::test_every_method_of_the_contract_has_a_role",
    ],
    (LESSER, "speak in the name of another device"): [
        f"{HERE}/test_commands.py::test_a_call_for_another_workstation_or_in_another_name_is_never_carried_out",
        "tests/agentd/test_hostile_calls.py::test_a_stranger_is_not_answered_and_one_device_cannot_speak_for_another",
    ],
    ("the agent, or a prompt injected into it", "approve itself, pair a phone of its own, edit the policy"): [
        "tests/agentd/test_local_socket.py::test_it_does_not_decide",
        "tests/agentd/test_local_socket.py::test_a_persons_command_revokes_and_an_agents_does_not",
        "tests/agentd/test_local_socket.py::test_a_program_without_a_terminal_does_not_say_who_gets_in",
        "tests/agentd/test_local_socket.py::test_whoever_goes_round_the_front_door_is_a_stranger",
        "tests/flows/test_revoke.py::test_a_program_without_a_terminal_may_not_revoke",
    ],
    ("a web page in the user's browser", "reach agentd or the relay as the user"): [
        "tests/relay/test_app_socket.py::test_pages_of_another_origin_are_refused",
        "tests/relay/test_web.py::test_the_web_apps_sockets_pass_the_same_check_of_origin",
    ],
    ("another user of the workstation", "reach agentd"): [
        "tests/agentd/test_local_socket.py::test_the_socket_is_for_its_user_only",
        "tests/agentd/test_peer.py::test_only_this_user_and_root_may_connect",
    ],
}  # fmt: skip


def lines_of_the_table() -> list[tuple[str, str]]:
    """(who, what they must not be able to do) of every line; an empty first cell repeats the one above."""
    who, found = "", list[tuple[str, str]]()
    for line in (ROOT / "docs/threat-model.md").read_text().splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 4 and cells[0] not in ("who", "---"):
            who = cells[0] or who
            found.append((who, cells[2]))
    return found


def test_every_line_of_the_table_has_tests_and_nothing_else_has() -> None:
    assert len(lines_of_the_table()) >= 20
    assert set(lines_of_the_table()) == set(CELLS)
    assert all(CELLS.values())


@pytest.mark.parametrize("path", sorted({name.partition("::")[0] for names in CELLS.values() for name in names}))
def test_the_tests_that_are_named_exist(path: str) -> None:
    tree = ast.parse((ROOT / path).read_text())
    there = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    named = {name.partition("::")[2] for names in CELLS.values() for name in names if name.startswith(path + "::")}
    assert named <= there
