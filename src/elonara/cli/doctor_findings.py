"""What `elonara doctor` finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

type Level = Literal["ok", "note", "wrong"]


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `fix` says what to do where it is not well."""

    level: Level
    what: str
    says: str
    fix: str = ""
