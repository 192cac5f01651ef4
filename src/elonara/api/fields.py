"""Field types of requests, for what the actions do not validate themselves."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from elonara.communities.validation import NAME_LENGTH
from elonara.events.validation import TITLE_LENGTH

NO_CONTROLS = r"^[^\x00-\x1f\x7f]*$"


def _not_a_number(value: object) -> object:
    # pydantic would accept numbers as seconds since 1970; a client that sends one has most likely made a mistake.
    if value is not None and not isinstance(value, (str, dt.datetime)):
        raise ValueError("a time is written such as 2027-05-01T16:00:00+02:00")
    return value


# ISO 8601; without an offset it is in the event's time zone.
Moment = Annotated[dt.datetime, BeforeValidator(_not_a_number)]
Slug = Annotated[str, Field(max_length=80, pattern=NO_CONTROLS)]


def text(most: int, least: int = 0) -> Any:
    """A text that the action checks, with a sentence of its own; the schema says the same bounds."""
    bounds: dict[str, Any] = {"maxLength": most, **({"minLength": least} if least else {})}
    return Field(json_schema_extra=bounds)


def _never_null(schema: dict[str, Any]) -> None:
    alternatives = [one for one in schema.pop("anyOf") if one.get("type") != "null"]
    schema |= alternatives[0]
    schema.pop("default", None)


Title = Annotated[str, text(TITLE_LENGTH, 1)]
Name = Annotated[str, text(NAME_LENGTH, 1)]
Description = Annotated[str, text(5000)]
Place = Annotated[str, text(300)]
# May be left out of a change, where it stays; an event always has a start.
MomentUnlessLeftOut = Annotated[Moment | None, Field(json_schema_extra=_never_null)]
