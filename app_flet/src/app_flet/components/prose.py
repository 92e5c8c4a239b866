"""Markdown as it is written by agents: words, lists, tables, code. Finished blocks are drawn once."""

import flet as ft

from app_flet.boundary import component, keyed, memo
from app_flet.components.touch import copy_button, read_as
from app_flet.conversation import spoken
from app_flet.screen import watch
from app_flet.theme import RADIUS, mono


def _code_theme(*, dark: bool) -> ft.MarkdownCodeTheme:
    return ft.MarkdownCodeTheme.ATOM_ONE_DARK if dark else ft.MarkdownCodeTheme.ATOM_ONE_LIGHT


def markdown(text: str, *, dark: bool) -> ft.Control:
    """Words of an agent."""
    # Tokens without a colour of their own would take the page's, which the code theme does not know.
    plain = "#abb2bf" if dark else "#383a42"
    block = ft.BoxDecoration(bgcolor="#1e242b" if dark else "#eef2f6", border_radius=RADIUS - 6)
    return ft.Markdown(
        text,
        extension_set=ft.MarkdownExtensionSet.GITHUB_WEB,
        code_theme=_code_theme(dark=dark),
        soft_line_break=True,
        code_style_sheet=ft.MarkdownStyleSheet(code_text_style=mono(13, plain)),
        md_style_sheet=ft.MarkdownStyleSheet(
            p_text_style=ft.TextStyle(height=1.45),
            code_text_style=mono(13, "#d19a66" if dark else "#8a3b12"),
            codeblock_decoration=block,
            codeblock_padding=ft.Padding.all(12),
            blockquote_decoration=ft.BoxDecoration(
                border=ft.Border.only(left=ft.BorderSide(3, ft.Colors.OUTLINE_VARIANT))
            ),
            blockquote_padding=ft.Padding.only(left=12),
            block_spacing=10,
        ),
    )


@component
def _Block(text: str, *, dark: bool) -> ft.Control:
    drawn = read_as(spoken(text), markdown(text, dark=dark))
    if not text.lstrip().startswith("```"):
        return drawn
    code = text.strip().partition("\n")[2].rpartition("```")[0]
    copy = ft.Container(copy_button("copy-code", code, "Copy code"), right=0, top=0)
    return ft.Stack([drawn, copy])


Block = memo(_Block)
"""One finished block: the same words are never drawn twice."""


@component
def Prose(blocks: tuple[str, ...], tail: str) -> ft.Control:
    """Finished blocks and the tail that still grows."""
    dark = watch(lambda sight: sight.dark)
    drawn = [keyed(f"{at}", Block, block, dark=dark) for at, block in enumerate(blocks)]
    if tail.strip():
        drawn.append(ft.Container(read_as(spoken(tail), markdown(tail, dark=dark)), key="tail"))
    return ft.Column(drawn, spacing=8, tight=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)
