"""The site's settings with the pages in a language that nobody speaks: English with accents, two fifths longer."""

import atexit
import shutil
import tempfile
from pathlib import Path

from tests.catalogue import pseudo

from elonara.config.settings import *  # noqa: F403

_folder = Path(tempfile.mkdtemp(prefix="elonara-pseudo-"))
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
pseudo.write(_folder)
LOCALE_PATHS = [_folder]
LANGUAGE_CODE = pseudo.LANGUAGE
LANGUAGES = [(pseudo.LANGUAGE, "Nobody’s")]
