"""What is done from the command line stands in the audit log too, by nobody's name and without a key."""

import shutil
import sqlite3

import pytest


def written(folder):
    with sqlite3.connect(folder / "elonara.sqlite3") as database:
        return database.execute("SELECT who, what, subject, note FROM elonara_auditentry ORDER BY id").fetchall()


@pytest.mark.promise("audit-log")
def test_keys_backup_and_restore(site, tmp_path):
    data = site.folder / "data"
    site.json("keys", "rotate")
    backup = site.json("backup", str(tmp_path))
    assert [(who, what) for who, what, _, _ in written(data)] == [
        ("command line", "operator_created"), ("command line", "keys_rotated"), ("command line", "backup_written"),
    ]  # fmt: skip
    ring = (data / "keys" / "sealing.json").read_text(encoding="utf-8")
    assert not [word for row in written(data) for word in row[3].split() if len(word) > 20 and word in ring]
    shutil.rmtree(data)
    site.json("restore", backup["file"], "--keys", backup["keys"])
    assert written(data)[-1][:2] == ("command line", "restored")
    assert [what for _, what, _, _ in written(data)].count("backup_written") == 1
