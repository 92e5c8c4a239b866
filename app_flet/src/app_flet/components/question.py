"""The question card: the agent's choices as large buttons, free words where they are welcome."""

from functools import partial

import flet as ft

from app_flet import intents
from app_flet.boundary import component
from app_flet.components.decision import on_the_way
from app_flet.components.frames import asking_frame
from app_flet.components.status import quiet
from app_flet.components.touch import Entry, Handler, field, filled_button, tappable, text_button
from app_flet.glance import MAY_DECIDE, Need, call_about, role_in
from app_flet.model import CallView
from app_flet.screen import kept, local, screen, watch
from app_flet.theme import Tone, ink
from app_flet.underway import is_too_late, withdrawing
from halyard_client.halyard.agent import v1

Answers = tuple[tuple[str, ...], ...]
"""Chosen labels, one tuple per prompt."""


@component
def QuestionCard(need: Need, *, show_session: bool = True) -> ft.Control:
    """One pending question with all its prompts; answered together."""
    here = screen()
    question = need.record.resource.question or v1.Question()
    words = kept(lambda: [Entry() for _ in question.prompts])
    nothing: Answers = tuple(() for _ in question.prompts)
    chosen, choose = local(nothing)
    dark = watch(lambda sight: sight.dark)
    call = watch(lambda sight: call_about(sight.model, need.name))
    watch(lambda sight: call is not None and call.call_id in withdrawing(sight.model))
    may_answer = watch(lambda sight: role_in(sight.model, need.workstation) in MAY_DECIDE)

    def send(answers: Answers) -> None:
        if here.is_steady():
            full = [_with_words(labels, entry) for labels, entry in zip(answers, words, strict=True)]
            if not all(full):
                here.say("Answer every part, then send.")
                return
            here.device.call(need.workstation, intents.answer(question, full, here.device.now_ms()))

    def pick(at: int, label: str) -> None:
        picked = _picked(chosen, at, label, multiple=question.prompts[at].multiple)
        choose(picked)
        if is_single(question):
            send(picked)

    def dismiss(_: object) -> None:
        if here.is_steady():
            here.device.call(need.workstation, intents.dismiss(question, here.device.now_ms()))

    body: list[ft.Control] = [_head(need, dark=dark, show_session=show_session)]
    if call is not None:
        body += _said(question, call, dark=dark)
        if not call.error or is_too_late(call):
            return _frame(need, body, dark=dark)
    for at, prompt in enumerate(question.prompts):
        body += _prompt(prompt, chosen[at], words[at], partial(pick, at), sends=is_single(question))
    if may_answer:
        body.append(_buttons(question, dismiss, lambda _: send(chosen)))
    return _frame(need, body, dark=dark)


def _said(question: v1.Question, call: CallView, *, dark: bool) -> list[ft.Control]:
    if call.error:
        return [ft.Text(call.error, color=ink(Tone.FAILED, dark=dark).strong)]
    return [*(ft.Text(prompt.text) for prompt in question.prompts), on_the_way("Your answer", call, dark=dark)]


def _buttons(question: v1.Question, dismiss: Handler, send: Handler) -> ft.Control:
    buttons: list[ft.Control] = [text_button("question-dismiss", "Dismiss", dismiss)]
    if not is_single(question) or question.prompts[0].free_text:
        words = "Send these words" if is_single(question) else "Send answer"
        buttons.append(filled_button("question-send", words, send))
    return ft.Row(buttons, alignment=ft.MainAxisAlignment.SPACE_BETWEEN)


def is_single(question: v1.Question) -> bool:
    """One prompt with one choice: tapping it is the answer."""
    return len(question.prompts) == 1 and not question.prompts[0].multiple and bool(question.prompts[0].options)


def _picked(chosen: Answers, at: int, label: str, *, multiple: bool) -> Answers:
    before = chosen[at]
    if not multiple:
        after: tuple[str, ...] = (label,)
    else:
        after = tuple(known for known in before if known != label) if label in before else (*before, label)
    return (*chosen[:at], after, *chosen[at + 1 :])


def _with_words(labels: tuple[str, ...], entry: Entry) -> list[str]:
    word = entry.text.strip()
    return [*labels, word] if word else list(labels)


def _prompt(
    prompt: v1.QuestionPrompt, chosen: tuple[str, ...], word: Entry, pick: "partial[None]", *, sends: bool
) -> list[ft.Control]:
    found: list[ft.Control] = []
    if prompt.header:
        found.append(quiet(prompt.header))
    found.append(ft.Text(prompt.text, theme_style=ft.TextThemeStyle.BODY_LARGE))
    found += [_option(option, pick, is_chosen=option.label in chosen, sends=sends) for option in prompt.options]
    if prompt.free_text or not prompt.options:
        found.append(field("question-text", word, "Your own words", multiline=True))
    return found


def _option(option: v1.QuestionOption, pick: "partial[None]", *, is_chosen: bool, sends: bool) -> ft.Control:
    """`sends`: a tap is the answer, so it looks like something that goes, not like something to tick."""
    words: list[ft.Control] = [ft.Text(option.label, theme_style=ft.TextThemeStyle.TITLE_SMALL)]
    if option.description:
        words.append(quiet(option.description))
    open_icon = ft.Icons.ARROW_CIRCLE_RIGHT_OUTLINED if sends else ft.Icons.CIRCLE_OUTLINED
    icon = ft.Icons.CHECK_CIRCLE_ROUNDED if is_chosen else open_icon
    row = ft.Row(
        [
            ft.Icon(icon, size=20, color=ft.Colors.PRIMARY),
            ft.Column(words, spacing=1, expand=True),
        ],
        spacing=12,
    )
    return tappable(
        "question-option",
        row,
        lambda _: pick(option.label),
        padding=12,
        bgcolor=ft.Colors.SURFACE_CONTAINER_HIGHEST,
    )


def _head(need: Need, *, dark: bool, show_session: bool) -> ft.Control:
    color = ink(Tone.NEEDS_YOU, dark=dark).strong
    title = ft.Row(
        [
            ft.Icon(ft.Icons.HELP_OUTLINE_ROUNDED, size=20, color=color),
            ft.Text("The agent asks", theme_style=ft.TextThemeStyle.TITLE_MEDIUM),
        ],
        spacing=8,
    )
    return ft.Column([title, quiet(need.session_title, lines=1)], spacing=2) if show_session else title


def _frame(need: Need, body: list[ft.Control], *, dark: bool) -> ft.Control:
    return asking_frame(f"decision:{need.name.rpartition('/')[2]}", body, dark=dark)
