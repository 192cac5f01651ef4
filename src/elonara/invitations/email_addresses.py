"""E-mail addresses as people type them, and the keyed hash that identifies one after it was deleted."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.crypto import salted_hmac
from django.utils.encoding import punycode

from elonara.communities.validation import one_line

NAME_LENGTH = 100  # characters
SHOWN_LENGTH = 100  # characters shown of an item that is no address
_ITEM = re.compile(r'(?:"[^"]*"|[^,;\n])+')
_NAMED = re.compile(r"(?P<name>.*?)<(?P<address>[^<>]+)>", re.DOTALL)


@dataclass(frozen=True)
class Address:
    """One address, and the display name before it."""

    address: str
    name: str = ""

    @property
    def hash(self) -> str:
        """What identifies the address in rows after it was deleted (`hash_of`)."""
        return hash_of(self.address)

    @property
    def folded_hash(self) -> str:
        """The hash without a `+tag`, by which opt-outs are found as well (`folded_hash_of`)."""
        return folded_hash_of(self.address)


def hash_of(address: str) -> str:
    """A keyed hash (hex), the same for all spellings of an address. Without the site's key it cannot be guessed."""
    return salted_hmac("elonara.email", normalized(address), algorithm="sha256").hexdigest()


def folded_hash_of(address: str) -> str:
    """The hash of the address without its `+tag`, which most mail servers deliver to the same mailbox.

    For opt-outs alone: a "no" of `ana+list@` holds for `ana@` and `ana+news@`. It identifies nobody, since on some
    servers they are three people.
    """
    local, at, domain = address.strip().rpartition("@")
    return hash_of(f"{local.partition('+')[0] or local}{at}{domain}")


def parse(text: str) -> tuple[list[Address], list[str]]:
    """The addresses in a text, each once, and the items that are no address.

    Items are separated by commas, semicolons or lines, like `ana@example.org` or `Ana Lima <ana@example.org>`.
    """
    found: dict[str, Address] = {}
    invalid: list[str] = []
    for item in _ITEM.findall(text.replace("\r", "\n")):
        if not item.strip():
            continue
        named = _NAMED.fullmatch(item.strip())
        address = (named["address"] if named else item).strip()
        name = one_line(named["name"].replace('"', "") if named else "")[:NAME_LENGTH]
        try:
            validate_email(address)
        except ValidationError:
            invalid.append(one_line(item)[:SHOWN_LENGTH])
            continue
        if address.startswith('"'):
            # No real address needs quotes, and `"ana"@…` is the mailbox ana@…, whose owner may have opted out.
            invalid.append(one_line(item)[:SHOWN_LENGTH])
        else:
            found.setdefault(normalized(address), Address(address, name))
    return list(found.values()), invalid


def normalized(address: str) -> str:
    """The address in lower case, with its domain in ASCII."""
    local, at, domain = address.strip().lower().rpartition("@")
    with suppress(UnicodeError):
        domain = punycode(domain).lower()
    return f"{local}{at}{domain}"
