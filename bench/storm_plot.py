"""Draws how a crowd came back: welcomes in each second, as SVG. The same figures give the same file."""

from collections.abc import Iterable, Sequence
from html import escape

_WIDTH, _PANEL, _LEFT, _BASE, _TOP = 720, 200, 48, 160, 36
_STYLE = (
    "text{font:12px sans-serif;fill:#57606a}.title{font-size:14px;font-weight:600;fill:#24292f}"
    ".bar{fill:#0969da}.axis{stroke:#8c959f;fill:none}"
    "@media(prefers-color-scheme:dark){text{fill:#9198a1}.title{fill:#f0f6fc}.bar{fill:#4493f8}}"
)


def plot(panels: Sequence[tuple[str, Sequence[int]]]) -> str:
    """One panel for each (title, welcomes per second), with the same scales."""
    seconds = max(len(counts) for _, counts in panels)
    most = max(max(counts) for _, counts in panels)
    height = _PANEL * len(panels)
    drawn = "".join(
        f'<g transform="translate(0,{_PANEL * at})">{"".join(_panel(title, counts, seconds, most))}</g>\n'
        for at, (title, counts) in enumerate(panels)
    )
    size = f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n<style>{_STYLE}</style>\n{drawn}</svg>\n'


def _panel(title: str, counts: Sequence[int], seconds: int, most: int) -> Iterable[str]:
    step = (_WIDTH - _LEFT - 12) / seconds
    yield f'<text class="title" x="{_LEFT}" y="20">{escape(title)}: workstations back in each second</text>\n'
    for second, count in enumerate(counts):
        tall = (_BASE - _TOP) * count / most
        yield (
            f'<rect class="bar" x="{_LEFT + step * second:.1f}" y="{_BASE - tall:.1f}" '
            f'width="{step - 1:.1f}" height="{tall:.1f}"/>\n'
        )
    yield f'<path class="axis" d="M{_LEFT} {_TOP}V{_BASE}H{_WIDTH - 12}"/>\n'
    yield f'<text x="{_LEFT - 6}" y="{_TOP + 10}" text-anchor="end">{most}</text>\n'
    for second in range(0, seconds + 1, 5):
        yield f'<text x="{_LEFT + step * second:.1f}" y="{_BASE + 16}" text-anchor="middle">{second} s</text>\n'
