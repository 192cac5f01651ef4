"""The errors that actions raise. Each holds a sentence for the user that says what to do."""

from collections.abc import Mapping


class NotAllowed(Exception):
    """The person may not do this. `code` is stable and for programs, `sentence` is for people."""

    def __init__(self, sentence: str, code: str = "not_allowed") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code


class Invalid(Exception):
    """Some values are not valid. `errors` maps field names to sentences; nothing was written."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = dict(errors)
        self.code = "invalid"


class LimitReached(NotAllowed):
    """The person has done this as often as she may for now. `errors` as in Invalid: a form keeps what was typed."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, "too_many")
        self.errors = {"": sentence}


class RegistrationClosed(NotAllowed):
    """The site takes no new members."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, "registration_closed")


class LinkRefused(NotAllowed):
    """A one-time link is unknown, used, expired, or no longer needed."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, "link_refused")
