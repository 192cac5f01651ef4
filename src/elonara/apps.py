"""The one Django app."""

from django.apps import AppConfig


class Elonara(AppConfig):
    """Everything under one label, so that no relation crosses an app."""

    name = "elonara"
    label = "elonara"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let the floors hear of each other."""
        from elonara.bluesky.graph import sync  # noqa: PLC0415 - models are not loaded before this
        from elonara.bluesky.graph.circles import bluesky_lists, conversations  # noqa: PLC0415
        from elonara.bluesky.identity import profiles  # noqa: PLC0415
        from elonara.config import databases  # noqa: PLC0415
        from elonara.events import share_pictures  # noqa: PLC0415
        from elonara.housekeeping import registration as housekeeping  # noqa: PLC0415
        from elonara.invitations import registration as invitations  # noqa: PLC0415
        from elonara.members import audit  # noqa: PLC0415

        databases.install()
        audit.install()
        profiles.install()
        sync.install()
        conversations.install()
        bluesky_lists.install()
        share_pictures.install()
        invitations.install()
        housekeeping.install()
