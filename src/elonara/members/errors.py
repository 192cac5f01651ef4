"""What an action answers when it will not do something: always in a sentence a person can act on."""

from collections.abc import Mapping


class NotAllowed(Exception):
    """The person may not do this, now or ever. `code` is stable and for programs, `sentence` for people."""

    def __init__(self, sentence: str, code: str = "not_allowed") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code


class Invalid(Exception):
    """Some values cannot be taken. `errors` maps the name of a field to its sentence; nothing was written."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = dict(errors)
        self.code = "invalid"


class RegistrationClosed(NotAllowed):
    """The site takes no new members."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, "registration_closed")


class LinkRefused(NotAllowed):
    """A one-time link that is unknown, used, too old, or no longer needed."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, "link_refused")
