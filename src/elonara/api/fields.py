"""Field types of requests, for what the actions do not validate themselves."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import BeforeValidator, Field

NO_CONTROLS = r"^[^\x00-\x1f\x7f]*$"


def _not_a_number(value: object) -> object:
    # pydantic would accept numbers as seconds since 1970; a client that sends one has most likely made a mistake.
    if value is not None and not isinstance(value, (str, dt.datetime)):
        raise ValueError("a time is written such as 2027-05-01T16:00:00+02:00")
    return value


# ISO 8601; without an offset it is in the event's time zone.
Moment = Annotated[dt.datetime, BeforeValidator(_not_a_number)]
Slug = Annotated[str, Field(max_length=80, pattern=NO_CONTROLS)]
