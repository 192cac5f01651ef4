"""The code of the release before this one, out of the repository's own history."""

import os
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTED = "tests/chaos/previous-release.txt"  # its version and commit: for clones without tags


class NotHere(Exception):
    """The history does not reach so far back, or there is none."""


def previous(folder):
    """Unpack the previous release's `src` into `folder`; its name. Where there is none it skips, and fails in CI."""
    try:
        name, revision = which(ROOT)
        archive = git(ROOT, "archive", "--format=tar", revision, "src")
    except NotHere as fault:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(
            f"the previous release cannot be had here: {fault}; a clone with its whole history has it"
        )
    with tarfile.open(fileobj=BytesIO(archive)) as unpacked:
        unpacked.extractall(folder, filter="data")
    return name


def which(root):
    """Name and revision: the newest release tag before HEAD; without tags, what is noted beside this file."""
    if Path(git(root, "rev-parse", "--show-toplevel").decode().strip()).resolve() != root.resolve():
        raise NotHere(f"{root} is no repository of its own")
    # A release is compared with the one before it.
    own = [f"--exclude={tag}" for tag in git(root, "tag", "--points-at", "HEAD").decode().split()]
    try:
        tag = git(root, "describe", "--tags", "--abbrev=0", "--match=v*", *own).decode().strip()
    except NotHere:
        version, commit = (root / NOTED).read_text(encoding="utf-8").split()
        git(root, "cat-file", "-e", f"{commit}^{{commit}}")
        return version, commit
    return tag.removeprefix("v"), tag


def git(root, *words):
    """What git prints. Raises NotHere with its words."""
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, check=False)
    except FileNotFoundError as fault:
        raise NotHere("there is no git") from fault
    if done.returncode:
        raise NotHere(" ".join(done.stderr.decode().split()) or f"git {words[0]} failed")
    return done.stdout
