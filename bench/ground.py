"""Helpers for benchmarks: a site in this process with a real local network, CPU times, tables."""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sandbox import network


def make_database() -> None:
    """Make what `elonara serve` makes at its first start: the tables and the ring of keys. Django is set up already."""
    from django.conf import settings
    from django.core.management import call_command

    from elonara import sealing

    call_command("migrate", verbosity=0)
    sealing.ensure_keys(settings.ELONARA.data_dir)


@contextlib.contextmanager
def site(*, mode: str = "legacy", accounts: int = 2) -> Iterator[network.Network]:
    """Start a network, configure a new site with an empty database for it, and set up Django."""
    with tempfile.TemporaryDirectory(prefix="elonara-bench-") as folder, network.start(accounts=accounts) as net:
        for name in [name for name in os.environ if name.startswith("ELONARA_")]:
            del os.environ[name]
        os.environ.update(net.settings(raised_caps=True))
        os.environ["ELONARA_DATA_DIR"] = folder
        os.environ["ELONARA_CONFIG"] = os.devnull
        os.environ["ELONARA_BLUESKY__WRITES__MODE"] = mode
        os.environ["DJANGO_SETTINGS_MODULE"] = "elonara.config.settings"

        import logging

        import django

        django.setup()
        logging.disable(logging.WARNING)
        make_database()
        yield net


def cpu_of[Result](call: Callable[[], Result]) -> tuple[float, Result]:
    """CPU seconds that this process spends in a call, in all its threads, and what the call returns."""
    began = time.process_time()
    result = call()
    return time.process_time() - began, result


def table(title: str, rows: Sequence[tuple[str, str]]) -> None:
    """Print a title and two columns."""
    width = max(len(name) for name, _ in rows)
    print(f"\n{title}")
    for name, value in rows:
        print(f"  {name:<{width}}  {value}")


def spread(seconds: Sequence[float]) -> str:
    """Median and the middle four fifths, in milliseconds."""
    cuts = statistics.quantiles(seconds, n=10)
    return f"{statistics.median(seconds) * 1000:6.2f} ms   (p10 {cuts[0] * 1000:.2f}, p90 {cuts[-1] * 1000:.2f})"
