"""E-mail addresses as people type them, and how the site knows one again without keeping it."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.crypto import salted_hmac
from django.utils.encoding import punycode

from elonara.communities.validation import one_line

NAME_LENGTH = 100
_ITEM = re.compile(r'(?:"[^"]*"|[^,;\n])+')
_NAMED = re.compile(r"(?P<name>.*?)<(?P<address>[^<>]+)>", re.DOTALL)


@dataclass(frozen=True)
class Address:
    """One address, and the name that stood before it."""

    address: str
    name: str = ""

    @property
    def hash(self) -> str:
        """What stands for the address in rows that outlive it."""
        return hash_of(self.address)


def hash_of(address: str) -> str:
    """A keyed hash: without the site's key nobody can try addresses against it. All spellings of one are one."""
    return salted_hmac("elonara.email", _one_form(address), algorithm="sha256").hexdigest()


def parse(text: str) -> tuple[list[Address], list[str]]:
    """The addresses in a text with commas, semicolons or lines between them, each once; and what is none.

    `ana@example.org` and `Ana Lima <ana@example.org>` are read.
    """
    found: dict[str, Address] = {}
    strange: list[str] = []
    for item in _ITEM.findall(text.replace("\r", "\n")):
        if not item.strip():
            continue
        named = _NAMED.fullmatch(item.strip())
        address = (named["address"] if named else item).strip()
        name = one_line(named["name"].replace('"', "") if named else "")[:NAME_LENGTH]
        try:
            validate_email(address)
        except ValidationError:
            strange.append(one_line(item)[:100])
            continue
        if address.startswith('"'):
            # Nobody has one that needs it, and `"ana"@…` is ana@…, who may have said that she wants no letters.
            strange.append(one_line(item)[:100])
        else:
            found.setdefault(_one_form(address), Address(address, name))
    return list(found.values()), strange


def _one_form(address: str) -> str:
    """The address as letters go to it: in lower case, its domain in ASCII."""
    local, at, domain = address.strip().lower().rpartition("@")
    with suppress(UnicodeError):
        domain = punycode(domain).lower()
    return f"{local}{at}{domain}"
