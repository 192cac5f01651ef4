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

if settings.ELONARA.database.is_postgres:
    # Any server may run this application in any number of processes; `elonara worker` does the jobs, and is woken.
    from elonara import jobs
    from elonara.engines.procrastinate import Sender

    jobs.set_engine(Sender())
