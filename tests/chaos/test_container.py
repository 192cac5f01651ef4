"""The container image of deploy/Containerfile: built, started, asked for its health, stopped by `script/container`.

No registry is asked: the base is made of this machine's own packages (tests/container/base_image.py).
"""

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.container.engines import engine

ROOT = Path(__file__).parents[2]


@pytest.mark.sqlite_only
def test_the_image_is_built_starts_and_says_that_it_is_healthy(count):
    if not shutil.which("dpkg-query"):
        pytest.skip("A base for the image is made of Debian's packages, which this machine does not have.")
    if engine() is None:
        pytest.skip("Nothing here builds images: install podman, or as root buildah.")
    done = subprocess.run(
        ["script/container", "--base", "machine"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=900
    )
    assert done.returncode == 0, done.stderr
    # Once with the settings as they are, once with an address and a port.
    assert done.stdout.count('/health: 200 {"status": "ok"}') == 2
    assert done.stdout.count("the health check is content") == 2
    assert done.stdout.splitlines()[-1].endswith("the image is healthy, and nothing of it is left")
    count(f"{float(done.stdout.splitlines()[-1].split()[0]):.0f} s to build, start twice and remove the image")
