"""The source of the previous release, from the repository's history."""

import os
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTED = "tests/chaos/previous-release.txt"  # its version and commit, for clones without tags


class NotHere(Exception):
    """The repository's history does not contain it, or there is no history."""


def previous(folder):
    """Unpack `src` of the previous release into `folder`; returns its version. Without history: skip, or fail in CI."""
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
    """Version and git revision: of the newest release tag before HEAD, or without tags those in `NOTED`."""
    if Path(git(root, "rev-parse", "--show-toplevel").decode().strip()).resolve() != root.resolve():
        raise NotHere(f"{root} is no repository of its own")
    # When HEAD itself is tagged, the release before it is wanted.
    own = [f"--exclude={tag}" for tag in git(root, "tag", "--points-at", "HEAD").decode().split()]
    try:
        tag = git(root, "describe", "--tags", "--abbrev=0", "--match=v*", *own).decode().strip()
    except NotHere:
        version, commit = (root / NOTED).read_text(encoding="utf-8").split()
        git(root, "cat-file", "-e", f"{commit}^{{commit}}")
        return version, commit
    return tag.removeprefix("v"), tag


def git(root, *arguments):
    """The output of a git command. Raises NotHere with its error message."""
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False)
    except FileNotFoundError as fault:
        raise NotHere("there is no git") from fault
    if done.returncode:
        raise NotHere(" ".join(done.stderr.decode().split()) or f"git {arguments[0]} failed")
    return done.stdout
