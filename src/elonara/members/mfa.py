"""Second factors, kept sealed."""

from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter

from elonara.sealing import seal, unseal

# allauth tells neither row nor member here: the value is bound to its column alone.
PLACE: dict[str, Any] = {"column": "mfa_authenticator.data", "row": "", "did": ""}


class SealedMFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    """TOTP keys and the seed of the recovery codes, encrypted at rest."""

    def encrypt(self, text: str) -> str:
        """Seal what is stored."""
        return seal(text, **PLACE)

    def decrypt(self, encrypted_text: str) -> str:
        """Open what was stored. Raises CannotUnseal."""
        return unseal(encrypted_text, **PLACE).reveal()
