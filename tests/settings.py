"""The site's settings for tests: nothing of the developer's own environment, a throw-away data folder, cheap hashes.

`ELONARA_TEST_DATABASE_URL` chooses the database (`postgresql://…`; by default an SQLite file).
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

for _name in list(os.environ):
    if _name.startswith("ELONARA_") and not _name.startswith("ELONARA_TEST_"):
        del os.environ[_name]
_folder = Path(tempfile.mkdtemp(prefix="elonara-test-"))
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
os.environ["ELONARA_CONFIG"] = os.devnull
os.environ["ELONARA_DATA_DIR"] = str(_folder)
os.environ["ELONARA_DATABASE__URL"] = os.environ.get("ELONARA_TEST_DATABASE_URL", "")
os.environ["ELONARA_INVITATIONS__SPACING_SECONDS"] = "0"

from elonara import sealing  # noqa: E402
from elonara.config.settings import *  # noqa: E402, F403
from elonara.config.settings import DATABASES, ELONARA  # noqa: E402

sealing.ensure_keys(_folder)
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
if not ELONARA.database.is_postgres:
    # A file, as in production: threads share it, and locks behave as they do there. Tests need no durability.
    DATABASES["default"]["TEST"] = {"NAME": str(_folder / "test.sqlite3")}
    DATABASES["default"]["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"
