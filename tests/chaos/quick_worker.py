"""`elonara worker` with short patience: a worker that is silent for three seconds is dead, and rows are swept each second.

The long version of these tests runs `elonara worker` itself.
"""

import signal
import threading

from elonara.cli import main  # noqa: F401 - the same imports as the command's
from elonara.engines import handlers


def run():
    import django

    django.setup()
    from elonara.engines.procrastinate import ProcrastinateEngine

    handlers.load()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    engine = ProcrastinateEngine(threads=4, sweep_seconds=1.0, stalled_seconds=3.0)
    engine.start()
    stop.wait()
    engine.stop(9.0)


run()
