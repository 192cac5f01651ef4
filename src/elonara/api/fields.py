"""Field types of requests, for what the actions do not validate themselves."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from django.conf import settings
from django.utils.translation import ngettext
from pydantic import BeforeValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

from elonara.communities.validation import NAME_LENGTH
from elonara.events.validation.fields import MAX_CAPACITY, MAX_HOURS, MAX_PLUS_ONES, TITLE_LENGTH
from elonara.invitations.planning.compose import LINE_LENGTH, NOTE_LENGTH
from elonara.invitations.planning.sentences import SENTENCE_LENGTH

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
    short it says itself, with a sentence of its own. `code` is the problem's, where the action has one for it.
    """

    def __init__(self, most: int, least: int = 0, code: str = "too_long") -> None:
        self.most, self.least, self.code = most, least, code

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        """Check after pydantic has."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The text with its bounds."""
        return handler(schema) | {"maxLength": self.most, **({"minLength": self.least} if self.least else {})}

    def _check(self, value: str) -> str:
        if len(value) > self.most:
            message = ngettext(
                "This has {length} character; {most} fit.", "This has {length} characters; {most} fit.", len(value)
            )
            raise PydanticCustomError(self.code, message, {"length": len(value), "most": self.most})
        return value


class OfOneSend:
    """No more entries than people of one send, which is a setting. `keyword` is that of JSON Schema."""

    def __init__(self, keyword: str) -> None:
        self.keyword = keyword

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        """Check after pydantic has."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The list or map with its bound."""
        return handler(schema) | {self.keyword: settings.ELONARA.invitations.per_send}

    def _check[Entries: list[str] | dict[str, str]](self, value: Entries) -> Entries:
        most = settings.ELONARA.invitations.per_send
        if len(value) > most:
            message = ngettext(
                "You chose {number} person; the most in one send is {most}.",
                "You chose {number} people; the most in one send is {most}.",
                len(value),
            )
            raise PydanticCustomError("too_many", message, {"number": len(value), "most": most})
        return value


def _never_null(schema: dict[str, Any]) -> None:
    alternatives = [one for one in schema.pop("anyOf") if one.get("type") != "null"]
    schema |= alternatives[0]
    schema.pop("default", None)


Title = Annotated[str, Text(TITLE_LENGTH, 1)]
Name = Annotated[str, Text(NAME_LENGTH, 1)]
Description = Annotated[str, Text(5000)]
Place = Annotated[str, Text(300)]
# People who can come; null is no limit.
Capacity = Annotated[int | None, Field(ge=1, le=MAX_CAPACITY)]
Link = Annotated[str, Text(500)]
PlusOnes = Annotated[int, Field(ge=0, le=MAX_PLUS_ONES)]
GuestNote = Annotated[str, Text(500)]
# Hours: to take an offered place, and before the start.
Hours = Annotated[int, Field(ge=0, le=MAX_HOURS)]
Zone = Annotated[str, Text(64)]
# Longer than any DID or handle: what is none is skipped and named, and the others are invited.
Actors = Annotated[list[Annotated[str, Text(5000)]], OfOneSend("maxItems")]
Note = Annotated[str, Text(NOTE_LENGTH, code="note_too_long")]
Sentence = Annotated[str, Text(SENTENCE_LENGTH, code="sentence_too_long")]
Lines = Annotated[dict[str, Annotated[str, Text(LINE_LENGTH, code="line_too_long")]], OfOneSend("maxProperties")]
# May be left out of a change, where it stays; an event always has a start.
MomentUnlessLeftOut = Annotated[Moment | None, Field(json_schema_extra=_never_null)]
