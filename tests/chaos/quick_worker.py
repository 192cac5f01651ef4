"""`elonara worker` with short intervals: a worker counts as dead after 3 seconds, and rows are swept every second.

The long version of the tests runs `elonara worker` itself.
"""

import signal
import threading

import django

django.setup()

from elonara.engines import handlers  # noqa: E402 - they need the settings
from elonara.engines.procrastinate import ProcrastinateEngine  # noqa: E402
from elonara.housekeeping import workers  # noqa: E402

handlers.load()
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
engine = ProcrastinateEngine(threads=4, sweep_seconds=1.0, stalled_seconds=3.0, beat=workers.beating("procrastinate"))
engine.start()
stop.wait()
engine.stop(9.0)
