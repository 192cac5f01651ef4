"""How soon a phone on a slow network shows an event and an invitation, what they weigh, and whether they jump.

usage: python bench/first_content.py [runs]

Chromium opens each page as somebody who has never been here: an empty cache, 390 x 844 px, 1.6 Mbit/s down, 750 kbit/s
up and 150 ms added to each request (what Lighthouse calls slow 4G). Pictures of other servers are not loaded. Figures
are medians of the runs: first contentful paint (W3C Paint Timing), bytes as they came over the network, cumulative
layout shift (W3C Layout Instability). Bounds: 1.5 s, 150 kB, no shift.
"""

from __future__ import annotations

import os
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import Browser, Route, sync_playwright

from bench.ground import table
from bench.pages import configured, fill, server

RUNS = 5
PAGES = ("event page", "/i/{ref}", "home")
LATENCY_MS, DOWN_BYTES, UP_BYTES = 150, 1_600_000 / 8, 750_000 / 8  # the rates by the second
BOUND_SECONDS, BOUND_KB, BOUND_SHIFT = 1.5, 150, 0.0
SETTLED_MS = 1500  # after the page has loaded: what comes later than that would still count as a jump
FIGURES = """() => new Promise((done) => {
    let shift = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((one) => { shift += one.value; }))
        .observe({type: 'layout-shift', buffered: true});
    setTimeout(() => done([performance.getEntriesByName('first-contentful-paint')[0].startTime, shift]), 100);
})"""


@dataclass
class Visit:
    """One load of a page."""

    seconds: float  # until the first content
    kilobytes: float
    shift: float
    requests: int


def visit(chromium: Browser, site: str, path: str) -> Visit:
    """Open the page with an empty cache."""
    context = chromium.new_context(viewport={"width": 390, "height": 844}, timezone_id="America/New_York")

    def own_alone(route: Route) -> None:
        if route.request.url.startswith(site):
            route.continue_()
        else:
            route.abort()

    try:
        page = context.new_page()
        page.route("**/*", own_alone)
        network, sizes = context.new_cdp_session(page), []
        network.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
        network.send("Network.enable")
        network.send(
            "Network.emulateNetworkConditions",
            {"offline": False, "latency": LATENCY_MS, "downloadThroughput": DOWN_BYTES, "uploadThroughput": UP_BYTES},
        )
        response = page.goto(site + path, wait_until="load")
        if response is None or response.status != 200:
            raise SystemExit(f"{path} is not a page")
        page.wait_for_timeout(SETTLED_MS)
        painted_ms, shift = page.evaluate(FIGURES)
        return Visit(painted_ms / 1000, sum(sizes) / 1000, shift, len(sizes))
    finally:
        context.close()


def main() -> int:
    """Print the table; 1 if a bound is not met."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    with configured() as port:
        requests = fill()
        site = os.environ["ELONARA_SITE__URL"]
        with server(port), sync_playwright() as playwright:
            program = os.environ.get("CHROMIUM", "/usr/bin/chromium")
            chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
            paths = {name: requests[name].split()[1].decode() for name in PAGES}
            for path in paths.values():  # the first request of a process is not what a visitor waits for
                visit(chromium, site, path)
            visits = {name: [visit(chromium, site, path) for _ in range(runs)] for name, path in paths.items()}
            chromium.close()
    return _print(visits)


def _print(visits: dict[str, list[Visit]]) -> int:
    rows, all_met = [], True
    for name, each in visits.items():
        seconds, shift = statistics.median(one.seconds for one in each), max(one.shift for one in each)
        kilobytes = statistics.median(one.kilobytes for one in each)
        met = seconds < BOUND_SECONDS and kilobytes <= BOUND_KB and shift <= BOUND_SHIFT
        all_met = all_met and met
        words = (
            f"first content {seconds:4.2f} s   {kilobytes:5.1f} kB in {each[0].requests} requests   shift {shift:.3f}"
        )
        rows.append((name, f"{words}   {'met' if met else 'NOT MET'}"))
    table(f"A phone at 1.6 Mbit/s and 150 ms (bounds {BOUND_SECONDS} s, {BOUND_KB} kB, no shift)", rows)
    return 0 if all_met else 1


if __name__ == "__main__":
    sys.exit(main())
