"""Draws the sequence diagrams of docs/architecture.md: each `NAME.txt` beside this file becomes `NAME.svg`.

Run `python3 docs/drawings/make.py` after changing a text; a test fails while a drawing is older than its text. A text
has one line for each step, from top to bottom:

    title: What the drawing shows          actors: Name | Name | …      (both at the top)
    A -> B: words                          a call, drawn as an arrow
    A --> B: words                         an answer, or a message that may get lost: a dashed arrow
    A: words                               something that A does by itself, or is from now on: a box
    A! words                               the state of A from here on: a filled box
    --- words                              a new part
"""

from __future__ import annotations

import re
import sys
import textwrap
from dataclasses import dataclass
from html import escape
from pathlib import Path

HERE = Path(__file__).parent
COLUMN, MARGIN, TOP = 236, 16, 100  # pixels: between two actors, around everything, above the first step
LINE, GAP, LETTER = 17, 16, 7.1  # pixels: between two lines of words, between two steps, of a letter on average
STEP = re.compile(r"(?P<a>[^:!>-]+?) *(?:(?P<arrow>--?>) *(?P<b>[^:]+?) *: *|(?P<mark>[:!]) *)(?P<words>.+)")
STYLE = """
  text { font: 13px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }
  .title { font-size: 17px; font-weight: 600; } .actor { font-weight: 600; }
  .part { font-style: italic; fill: #59636e; }
  .ground { fill: #ffffff; } .life { stroke: #c4cbd3; } .rule { stroke: #c4cbd3; stroke-dasharray: 2 4; }
  .head { fill: #f1f4f7; stroke: #8b949e; } .box { fill: #fff8e6; stroke: #d9b54a; }
  .state { fill: #1f6f43; } .state-words { fill: #ffffff; font-weight: 600; }
  .arrow { stroke: #0b63c5; stroke-width: 1.5; fill: none; } .dashed { stroke-dasharray: 6 4; } .tip { fill: #0b63c5; }
  .behind { fill: #ffffff; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .part { fill: #9da7b1; } .ground, .behind { fill: #0d1117; }
    .life, .rule { stroke: #3d444d; } .head { fill: #1c2129; stroke: #6e7681; } .box { fill: #2c2611; stroke: #8a7330; }
    .state { fill: #238752; } .arrow { stroke: #6cb2ff; } .tip { fill: #6cb2ff; }
  }
"""


class BadText(Exception):
    """A line that says nothing that could be drawn."""


@dataclass
class Drawing:
    """An SVG that grows downwards, one step after the other."""

    title: str
    actors: list[str]

    def __post_init__(self) -> None:
        self.parts: list[str] = []
        self.y = TOP
        self.width = 2 * MARGIN + COLUMN * len(self.actors)

    def step(self, line: str) -> None:
        """Draw one line of the text. Raises BadText."""
        if line.startswith("---"):
            return self._part(line.lstrip("- "))
        found = STEP.fullmatch(line)
        if found is None or found["a"] not in self.actors or found["b"] not in {None, *self.actors}:
            raise BadText(line)
        if found["arrow"]:
            return self._arrow(found["a"], found["b"], found["words"], dashed=found["arrow"] == "-->")
        return self._box(found["a"], found["words"], state=found["mark"] == "!")

    def svg(self) -> str:
        """The whole file."""
        height, bottom = self.y + MARGIN, self.y
        lines = "".join(
            f'<line class="life" x1="{self._x(name)}" x2="{self._x(name)}" y1="{TOP - 16}" y2="{bottom}"/>\n'
            for name in self.actors
        )
        heads = "".join(self._head(name) for name in self.actors)
        title = self._text(MARGIN + 4, MARGIN + 18, self.title, "title", "start")
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {height}" width="{self.width}" '
            f'height="{height}" role="img" aria-labelledby="title">\n<title id="title">{escape(self.title)}</title>\n'
            f"<style>{STYLE}</style>\n"
            f'<rect class="ground" width="{self.width}" height="{height}"/>\n'
            f"{title}{lines}{heads}{''.join(self.parts)}</svg>\n"
        )

    def _x(self, actor: str) -> int:
        return MARGIN + COLUMN // 2 + COLUMN * self.actors.index(actor)

    def _text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "middle") -> str:
        return f'<text class="{kind}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(words)}</text>\n'

    def _head(self, name: str) -> str:
        x, width = self._x(name), COLUMN - 40
        box = f'<rect class="head" x="{x - width // 2}" y="{TOP - 46}" width="{width}" height="30" rx="6"/>\n'
        return box + self._text(x, TOP - 26, name, "actor")

    def _part(self, words: str) -> None:
        y = self.y + 12
        self.parts.append(f'<line class="rule" x1="{MARGIN}" x2="{self.width - MARGIN}" y1="{y}" y2="{y}"/>\n')
        self._behind(self.width / 2, y - 10, words)
        self.parts.append(self._text(self.width / 2, y + 4, words, "part"))
        self.y += 24 + GAP

    def _box(self, actor: str, words: str, *, state: bool) -> None:
        lines = textwrap.wrap(words, int((COLUMN - 36) / LETTER))
        wide = max(len(line) for line in lines) * LETTER * (1.1 if state else 1) + 26
        height = LINE * len(lines) + 12
        kind, x = ("state" if state else "box"), self._x(actor)
        self.parts.append(
            f'<rect class="{kind}" x="{x - wide / 2:g}" y="{self.y}" width="{wide:g}" height="{height}" '
            f'rx="{13 if state else 4}"/>\n'
        )
        for number, line in enumerate(lines):
            self.parts.append(self._text(x, self.y + 19 + LINE * number, line, "state-words" if state else ""))
        self.y += height + GAP

    def _arrow(self, one: str, other: str, words: str, *, dashed: bool) -> None:
        x1, x2 = self._x(one), self._x(other)
        way = 1 if x2 > x1 else -1
        room = min(abs(x2 - x1), 2 * COLUMN)  # words stand near the beginning of a long arrow
        middle = x1 + way * room / 2
        lines = textwrap.wrap(words, int((room - 20) / LETTER))
        for number, line in enumerate(lines):
            self._behind(middle, self.y - 2 + LINE * number, line)
            self.parts.append(self._text(middle, self.y + 12 + LINE * number, line))
        y = self.y + LINE * len(lines) + 5
        self.parts.append(
            f'<path class="arrow{" dashed" if dashed else ""}" d="M{x1} {y}H{x2 - 8 * way}"/>\n'
            f'<path class="tip" d="M{x2} {y}l{-10 * way} -5v10z"/>\n'
        )
        self.y = y + GAP

    def _behind(self, middle: float, y: float, words: str) -> None:
        """Ground behind words, so that a lifeline does not cross them."""
        wide = len(words) * LETTER + 8
        self.parts.append(f'<rect class="behind" x="{middle - wide / 2:g}" y="{y:g}" width="{wide:g}" height="18"/>\n')


def draw(text: str) -> str:
    """The SVG of a text. Raises BadText."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) < 2 or not lines[0].startswith("title:") or not lines[1].startswith("actors:"):
        raise BadText("the first two lines are `title: …` and `actors: … | …`")
    drawing = Drawing(lines[0].removeprefix("title:").strip(), re.split(r" *\| *", lines[1].removeprefix("actors: ")))
    for line in lines[2:]:
        drawing.step(line)
    return drawing.svg()


def main() -> int:
    """Draw every text beside this file."""
    for source in sorted(HERE.glob("*.txt")):
        source.with_suffix(".svg").write_text(draw(source.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
