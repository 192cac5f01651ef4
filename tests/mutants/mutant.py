"""A mutant: one line of ours written wrong, what that stands for, and the tests that have to go red."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path("src/elonara")


class Stale(ValueError):
    """The text that a mutant replaces is not in its file exactly once. The message says what to update."""


@dataclass(frozen=True)
class Mutant:
    """`tests` are named as in docs/security.md (`tests/unit/x.py:Class.test_a`), and each of them goes red.

    `file` is below src/elonara. `old` is short and stands there exactly once; the rest of its line may change.
    """

    name: str
    file: str
    old: str
    new: str
    stands_for: str
    tests: tuple[str, ...]

    def apply(self, text: str) -> str:
        """The file's text with the wrong line. Raises Stale."""
        found = text.count(self.old)
        if found != 1:
            raise Stale(
                f"{self.name}: `{self.old.strip()}` stands {found} times in {SOURCE / self.file}, and not once. "
                "Where the code has moved or changed, write its file and its text of now into tests/mutants/table; "
                "where the rule is gone, take the mutant out."
            )
        return text.replace(self.old, self.new)


def node_id(test: str) -> str:
    """As pytest names a test."""
    file, _, name = test.partition(":")
    return f"{file}::{name.replace('.', '::')}"


def spread(mutants: tuple[Mutant, ...], number: int, seed: int) -> tuple[Mutant, ...]:
    """So many, evenly over the table and its subjects. The next seed begins one further, so all have their turn."""
    whole = len(mutants)
    number = min(number, whole)
    return tuple(mutants[(seed + position * whole // number) % whole] for position in range(number))


def named(mutants: Iterable[Mutant], name: str) -> Mutant:
    """The mutant with this name. Raises KeyError."""
    for mutant in mutants:
        if mutant.name == name:
            return mutant
    raise KeyError(name)
