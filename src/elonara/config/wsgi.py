"""The WSGI entry point, `elonara.config.wsgi:application`."""

import os
import sys

from django.core.wsgi import get_wsgi_application

from elonara.config.options import BadSetting

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "elonara.config.settings")
try:
    application = get_wsgi_application()
except BadSetting as fault:
    sys.stderr.write(f"elonara: {fault}\n")
    sys.exit(2)

from django.conf import settings
from django.db import DatabaseError, connection

from elonara.config.migrations import pending
from elonara.housekeeping import process_counts
from elonara.housekeeping.keys import in_use
from elonara.keyfiles import KeyFileFault

# At the start, because on an older schema page after page would fail. A database that is unreachable now may come back,
# so that is only reported.
try:
    if pending():
        sys.stderr.write("elonara: the database is older than this version: run `elonara migrate` first\n")
        sys.exit(1)
    in_use.check(settings.ELONARA.data_dir)
except KeyFileFault as fault:
    sys.stderr.write(f"elonara: {fault}\n")
    sys.exit(2)
except DatabaseError as fault:
    sys.stderr.write(f"elonara: the database does not answer yet: {' '.join(str(fault).split())}\n")
finally:
    # A server may fork after this, and processes must not share a connection.
    connection.close()
    if getattr(connection, "pool", None):
        connection.close_pool()  # type: ignore[attr-defined]

if settings.ELONARA.database.is_postgres:
    # This application may run in any number of processes: they only queue jobs, which `elonara worker` runs.
    from elonara import jobs
    from elonara.engines.enqueue import Sender

    jobs.set_engine(Sender())
    process_counts.keep_stored()
