"""Private files, also on disks that keep no modes, have no hard links or belong to somebody else."""

import errno
import os
import stat

import pytest

from elonara import keyfiles
from elonara.keyfiles import KeyFileFault, create_private, read_private, replace_private, way_to_privacy


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "keys" / "secret_key"
    create_private(path, "a secret")
    return path


@pytest.fixture
def fat(monkeypatch):
    """A disk as FAT, mounted without options: every file has the same mode, whatever chmod is told."""
    monkeypatch.setattr(keyfiles, "mode_of", lambda path: 0o755)


@pytest.fixture
def without_links(monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)


def test_a_file_that_others_can_read_is_refused_with_a_line_that_can_be_followed(key):
    key.chmod(0o644)
    with pytest.raises(KeyFileFault) as caught:
        read_private(key)
    command = str(caught.value).partition("run: ")[2]
    assert command == f"chmod 600 {key}"
    assert os.system(command) == 0
    assert read_private(key) == "a secret"


def test_where_modes_cannot_be_changed_the_line_says_so_and_not_chmod(key, fat):
    with pytest.raises(KeyFileFault) as caught:
        read_private(key)
    said = str(caught.value)
    assert "run: chmod" not in said
    assert "data_dir" in said
    assert "umask=077" in said
    assert "\n" not in said
    assert "run: chmod" not in way_to_privacy(key.parent)
    assert [path.name for path in key.parent.iterdir()] == ["secret_key"]


def test_the_owner_of_the_file_can_follow_the_usual_line(key):
    assert way_to_privacy(key) == f"run: chmod 600 {key}"


def test_a_file_of_another_user_says_who_has_to_change_it(key, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: key.stat().st_uid + 1)
    assert f"chown {key.stat().st_uid + 1} {key} && chmod 600 {key}" in way_to_privacy(key)


def test_a_disk_without_hard_links_holds_keys_too(tmp_path, without_links):
    path = tmp_path / "keys" / "secret_key"
    create_private(path, "the first")
    create_private(path, "the second")
    assert read_private(path) == "the first"
    replace_private(path, "the third")
    assert read_private(path) == "the third"
    assert [one.name for one in path.parent.iterdir()] == ["secret_key"]


def test_a_full_disk_is_not_taken_for_one_without_links(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(OSError, match="No space"):
        create_private(tmp_path / "keys" / "secret_key", "x")


def test_a_folder_that_cannot_be_synced_is_no_fault(tmp_path, monkeypatch):
    real = os.fsync

    def only_files(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        real(handle)

    monkeypatch.setattr(os, "fsync", only_files)
    create_private(tmp_path / "keys" / "secret_key", "x")
