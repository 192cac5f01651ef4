"""Field types of requests, for what the actions do not validate themselves."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

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


class Text:
    """Bounds of a text, for `Annotated`: the schema names them, and what is longer is refused as it was sent.

    The action, which cleans a text first, would take a longer one of which enough is removed. What is missing or too
    short it says itself, with a sentence of its own.
    """

    def __init__(self, most: int, least: int = 0) -> None:
        self.most, self.least = most, least

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        """Check after pydantic has."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The text with its bounds."""
        return handler(schema) | {"maxLength": self.most, **({"minLength": self.least} if self.least else {})}

    def _check(self, value: str) -> str:
        if len(value) > self.most:
            raise PydanticCustomError(
                "too_long", "This has {length} characters; {most} fit.", {"length": len(value), "most": self.most}
            )
        return value


def _never_null(schema: dict[str, Any]) -> None:
    alternatives = [one for one in schema.pop("anyOf") if one.get("type") != "null"]
    schema |= alternatives[0]
    schema.pop("default", None)


Title = Annotated[str, Text(TITLE_LENGTH, 1)]
Name = Annotated[str, Text(NAME_LENGTH, 1)]
Description = Annotated[str, Text(5000)]
Place = Annotated[str, Text(300)]
# May be left out of a change, where it stays; an event always has a start.
MomentUnlessLeftOut = Annotated[Moment | None, Field(json_schema_extra=_never_null)]
