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

# Once, at the start: pages of this version on an older database would break one by one. One that is away may come back.
try:
    if pending():
        sys.stderr.write("elonara: the database is older than this version: run `elonara migrate` first\n")
        sys.exit(1)
except DatabaseError as fault:
    sys.stderr.write(f"elonara: the database does not answer yet: {' '.join(str(fault).split())}\n")
finally:
    # A server may fork its processes after this; none of them shares a connection with another.
    connection.close()
    if getattr(connection, "pool", None):
        connection.close_pool()  # type: ignore[attr-defined]

if settings.ELONARA.database.is_postgres:
    # Any server may run this application in any number of processes; `elonara worker` does the jobs, and is woken.
    from elonara import jobs
    from elonara.engines.sending import Sender

    jobs.set_engine(Sender())
