"""A reason why an invitation is not (or not yet) sent: a stable code, a sentence, what the host can do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """What a host reads. `way_on` is what she can do about it, "" where nothing can be done."""

    code: str
    sentence: str
    way_on: str = ""
    # reauthorize | app_password | consent | connect | retry | confirm | copy_link | compose | wait | ""
    action: str = ""
