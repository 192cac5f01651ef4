"""`python -m tests.container [--base IMAGE]`, as script/container calls it."""

import argparse
import signal
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.container import base_image
from tests.container.engines import Buildah, ContainerError, Podman, engine

MACHINE = "machine"  # as a base: made of this machine's own packages
PATIENCE = 180  # seconds until /health must answer, also while other suites take the processors
# One is set, so that what it changes is changed for the health check, too.
SITES = ({}, {"ELONARA_SITE__URL": "https://events.example.org", "ELONARA_HTTP__PORT": "8123"})
# What deploy/compose.yaml and a backup of PostgreSQL call inside.
TOOLS = (["pg_dump", "--version"], ["granian", "--version"], ["elonara", "worker", "--help"])


def say(text: str) -> None:
    """Print a line at once, with the time that has passed."""
    print(f"{time.monotonic() - BEGAN:6.1f} s  {text}", flush=True)


BEGAN = time.monotonic()


def arguments() -> argparse.Namespace:
    """Ours."""
    parser = argparse.ArgumentParser(prog="script/container")
    parser.add_argument("--base", metavar="IMAGE", help="the image to build on; 'machine' makes one of this machine")
    return parser.parse_args()


def build(runs: Podman | Buildah, base: str | None) -> None:
    """The image, on that base."""
    if base == MACHINE:
        with tempfile.TemporaryDirectory(prefix="elonara-base-") as folder:
            base_image.make_root(Path(folder))
            base = runs.base_of(Path(folder))
        say("the base is made")
    runs.build(base)
    say("the image is built")


def health_check(runs: Podman | Buildah) -> tuple[int, str]:
    """What the image's own check says. Raises ContainerError where the image has none."""
    kind, *command = runs.config().get("Healthcheck", {}).get("Test", ["NONE"])
    if kind != "CMD":
        raise ContainerError("the image has no health check")
    return runs.inside(*command)


def wait_for_health(runs: Podman | Buildah) -> None:
    """Wait for a 200 from outside. Raises ContainerError where it does not come."""
    until = time.monotonic() + PATIENCE
    said = "nothing"
    while time.monotonic() < until:
        if not runs.running():
            raise ContainerError(f"the site has ended:\n{runs.log()[-4000:]}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{runs.port}/health", timeout=5) as answer:
                say(f"/health: {answer.status} {answer.read(200).decode()}")
                return
        except urllib.error.HTTPError as error:
            said = f"{error.code} {error.read(200)!r}"
        except OSError as error:
            said = str(error)
        time.sleep(0.2)
    raise ContainerError(f"/health said {said} for {PATIENCE} s:\n{runs.log()[-4000:]}")


def one_round(runs: Podman | Buildah, environment: dict[str, str]) -> None:
    """Start, look, stop. Raises ContainerError."""
    runs.start(environment)
    wait_for_health(runs)
    code, words = health_check(runs)
    if code:
        raise ContainerError(f"the health check ended with {code}:\n{words}")
    say("the health check is content")
    for tool in TOOLS:
        code, words = runs.inside(*tool)
        if code:
            raise ContainerError(f"{' '.join(tool)} ended with {code}:\n{words}")
    if "0" in runs.inside("id", "-u")[1].split():
        raise ContainerError("the image runs as root")
    code = runs.stop()
    if code:
        raise ContainerError(f"the stopped site ended with {code}:\n{runs.log()[-4000:]}")
    if "Traceback" in runs.log():
        raise ContainerError(f"the site's log has a traceback:\n{runs.log()[-4000:]}")
    say("stopped")


def try_image(runs: Podman | Buildah, base: str | None) -> None:
    """All of it. Raises ContainerError."""
    build(runs, base)
    for environment in SITES:  # the second round starts on the data of the first
        one_round(runs, environment)


def main() -> int:
    """The exit code of script/container."""
    wanted = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was made is removed
    runs = engine()
    if runs is None:
        print("script/container: install podman, docker or (as root) buildah, then run this again.", file=sys.stderr)
        return 1
    say(f"building with {runs.program}")
    try:
        try_image(runs, wanted.base)
    except ContainerError as error:
        print(f"script/container: {error}", file=sys.stderr)
        return 1
    finally:
        runs.clean()
    say("the image is healthy, and nothing of it is left")
    return 0


if __name__ == "__main__":
    sys.exit(main())
