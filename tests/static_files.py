"""Looks for the site's static files once in a run.

Each `django.test.Client` loads the middleware anew, and WhiteNoise then looks for all static files and reads their
dates: 0.1 s for every client, a seventh of the time of the tests of pages. Nothing changes these files meanwhile.
"""

from whitenoise.middleware import WhiteNoiseMiddleware


def install() -> None:
    """From here on the first middleware's files are those of all with the same prefix. Once for a run."""
    look = WhiteNoiseMiddleware.add_files_from_finders
    found: dict[str, dict] = {}

    def look_once(self):
        if self.static_prefix not in found:
            look(self)
            found[self.static_prefix] = self.files
        self.files = found[self.static_prefix]

    WhiteNoiseMiddleware.add_files_from_finders = look_once
