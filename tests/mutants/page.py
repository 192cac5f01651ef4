"""docs/mutants.md: the table of mutants, for readers. `script/mutants --page` writes it anew."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.mutants.mutant import Mutant

PAGE = Path(__file__).parents[2] / "docs" / "mutants.md"
HEAD = """# Mutants: wrong lines, and the tests that notice them
A test that no mistake turns red proves nothing. Each row below is one line of the site written wrong on purpose;
`script/mutants` writes it into a copy of the tree, runs the tests named beside it, and fails where one of them stays
green. How it runs is in [testing](testing.md#mutants).

This page is made from `tests/mutants/table/` by `script/mutants --page`, and a test holds it to that.
"""


def text(subjects: Mapping[str, Sequence[Mutant]]) -> str:
    """The whole page."""
    lines = [HEAD, "| mutant | what it stands for | in | killed by |", "|---|---|---|---|"]
    for subject, mutants in subjects.items():
        lines.append(f"| **{subject}** | | | |")
        for mutant in mutants:
            tests = ", ".join(f"`{test}`" for test in mutant.tests)
            lines.append(f"| {mutant.name} | {mutant.stands_for} | `{mutant.file}` | {tests} |")
    return "\n".join(lines) + "\n"
