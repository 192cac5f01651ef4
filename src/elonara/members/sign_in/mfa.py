"""Second factors, encrypted at rest."""

from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter

from elonara.sealing import seal, unseal

# allauth passes neither row nor member to the adapter, so values are bound to their column alone.
PLACE: dict[str, Any] = {"column": "mfa_authenticator.data", "row": "", "did": ""}


class SealedMFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    """TOTP keys and the seed of the recovery codes, encrypted at rest."""

    def encrypt(self, text: str) -> str:
        """Seal a value to be stored."""
        return seal(text, **PLACE)

    def decrypt(self, encrypted_text: str) -> str:
        """Unseal a stored value. Raises CannotUnseal."""
        return unseal(encrypted_text, **PLACE).reveal()
