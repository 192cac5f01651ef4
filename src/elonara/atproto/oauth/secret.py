"""A type for values that must not be printed or logged: tokens, the PKCE verifier, `state`."""

from __future__ import annotations

import hmac
from typing import NoReturn


class Secret:
    """A secret text. `str`, `format` and `repr` give `<secret>`; only `reveal()` gives the text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    @classmethod
    def of(cls, value: Secret | str) -> Secret:
        """`value` as a Secret, wrapped where it is a plain text."""
        return value if isinstance(value, Secret) else cls(value)

    def reveal(self) -> str:
        """The text. Call it only where the text is sent or sealed."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._bytes(), other._bytes())

    def _bytes(self) -> bytes:
        return self._text.encode("utf-8", "surrogatepass")

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format("<secret>", spec)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is sealed, not pickled")


def reveal(value: Secret | str) -> str:
    """The text of `value`, wrapped or not."""
    return value.reveal() if isinstance(value, Secret) else value
