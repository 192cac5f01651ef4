"""docs/settings.md documents exactly the settings that exist."""

import dataclasses
import re
import typing
from pathlib import Path

from elonara.config.options import RENAMED, Options

PAGE = Path(__file__).parents[3] / "docs" / "settings.md"


def names(kind, prefix=""):
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        if dataclasses.is_dataclass(hints[field.name]):
            yield from names(hints[field.name], f"{prefix}{field.name}.")
        else:
            yield prefix + field.name


def documented():
    """The names in the first column; `.per_week` shares the prefix of the name before it."""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        prefix = ""
        for name in re.findall(r"`([\w.]+)`", line.split("|")[1]) if line.startswith("| `") else ():
            prefix = prefix if name.startswith(".") else name.rpartition(".")[0]
            yield prefix + name if name.startswith(".") else name


def test_every_setting_is_documented_and_every_documented_one_exists():
    documented_names = {attribute: name for name, attribute in RENAMED.items()}
    assert sorted(documented()) == sorted(documented_names.get(name, name) for name in names(Options))
