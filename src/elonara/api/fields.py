"""The forms that values of requests have, beyond what the actions check."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import BeforeValidator, Field

NO_CONTROLS = r"^[^\x00-\x1f\x7f]*$"


def _written(value: object) -> object:
    # pydantic takes numbers for seconds since 1970; a program that sends one has mostly mixed something up.
    if value is not None and not isinstance(value, (str, dt.datetime)):
        raise ValueError("a time is written such as 2027-05-01T16:00:00+02:00")
    return value


# ISO 8601; without an offset it is on the clock of the event's zone.
Moment = Annotated[dt.datetime, BeforeValidator(_written)]
Slug = Annotated[str, Field(max_length=80, pattern=NO_CONTROLS)]
