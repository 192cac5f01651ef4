"""The result type of the checks of `elonara doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

type Level = Literal["ok", "note", "wrong"]


@dataclass(frozen=True)
class Finding:
    """The result of one check: `what` was checked, what it `says`, and how to `fix` it where it is not "ok"."""

    level: Level
    what: str
    says: str
    fix: str = ""
