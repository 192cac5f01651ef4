"""`elonara backup` and `elonara restore` on SQLite; `test_postgres.py` has the other database."""

import gzip
import lzma
import os
import resource
import shutil
import sqlite3
import stat
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from django.contrib.sessions.models import Session
from tests.unit.cli import graph_rows
from tests.unit.cli.conftest import Command

from elonara.cli import archives
from elonara.config.sessions import SessionStore


def last_line(done):
    return done.stderr.strip().splitlines()[-1]


class TestBackupAndRestore:
    @pytest.fixture
    def written(self, site, elonara):
        picture = elonara.folder / "data" / "media" / "events" / "bread.jpg"
        picture.parent.mkdir(parents=True)
        picture.write_bytes(b"a picture")
        with closing(sqlite3.connect(elonara.folder / "data" / "elonara.sqlite3")) as database, database:
            graph_rows.write(database.execute, "?")
        return elonara.json("backup", str(elonara.folder / "backups"))

    def test_come_back_into_an_empty_folder_as_they_were(self, elonara, written):
        new = {"DATA_DIR": str(elonara.folder / "new")}
        output = elonara.json("restore", written["file"], "--keys", written["keys"], **new)
        assert output["moved"] is False
        assert elonara.json("doctor", "--offline", **new)["ok"]
        assert (elonara.folder / "new" / "media" / "events" / "bread.jpg").read_bytes() == b"a picture"
        for name in ("secret_key", "sealing.json"):
            assert (elonara.folder / "new" / "keys" / name).read_text() == (
                elonara.folder / "data" / "keys" / name
            ).read_text()
        with closing(sqlite3.connect(elonara.folder / "new" / "elonara.sqlite3")) as database:
            assert database.execute("SELECT username FROM elonara_member").fetchall() == [("olga",)]
            assert database.execute(graph_rows.ON_SQLITE).fetchall() == [("did:plc:lukasz",)]
            database.execute("DELETE FROM elonara_knownperson")  # the triggers came along
            assert database.execute(graph_rows.ON_SQLITE).fetchall() == []

    def test_come_back_without_keys_as_a_site_that_works(self, site, elonara):
        """What was sealed is given up, and said: nothing else keeps the restored site from starting."""
        with closing(sqlite3.connect(elonara.folder / "data" / "elonara.sqlite3")) as database, database:
            database.execute(
                "INSERT INTO elonara_letter "
                "(id, message_enc, attempts, due_at, error, created_at, lease_owner, lease_fence) "
                "VALUES (?, 'v1.deadbeef.AAAAAAAAAAAAAAAA.AAAA', 0, '2026-01-01', '', '2026-01-01', '', 0)",
                ("0" * 32,),
            )
        written = elonara.json("backup", str(elonara.folder / "backups"))
        new = {"DATA_DIR": str(elonara.folder / "new")}
        done = elonara("restore", written["file"], "--without-keys", **new)
        assert done.returncode == 0, done.stderr
        assert "Without the keys: queued e-mails to delete unsent: 1" in done.stdout
        assert elonara.json("doctor", "--offline", **new)["ok"]
        names = [(elonara.folder / name / "keys" / "sealing.json").read_text() for name in ("data", "new")]
        assert names[0] != names[1]

    @pytest.mark.promise("session-hashed")
    def test_no_session_goes_along_nor_what_its_deleted_rows_left_in_the_file(self, site, elonara):
        file, marks = elonara.folder / "data" / "elonara.sqlite3", {}
        with closing(sqlite3.connect(file)) as database, database:
            database.execute("PRAGMA secure_delete = OFF")  # some builds overwrite what is deleted, others do not
            member = database.execute("SELECT id FROM elonara_member").fetchone()[0]
            for name in ("living", "deleted"):
                marks[name] = [f"{name}-{number:03d}-".ljust(40, "x") for number in range(300)]
                for mark in marks[name]:
                    database.execute(
                        "INSERT INTO django_session VALUES (?, ?, ?)", (mark, f"data of {mark} " * 20, "2099-01-01")
                    )
                    database.execute(
                        "INSERT INTO usersessions_usersession (user_id, created_at, ip, last_seen_at, session_key, "
                        "user_agent, data) VALUES (?, '2026-01-01', '127.0.0.1', '2026-01-01', ?, 'x', '{}')",
                        (member, mark),
                    )
            database.commit()
            for table in ("django_session", "usersessions_usersession"):
                database.execute(f"DELETE FROM {table} WHERE session_key LIKE 'deleted%'")
        with closing(sqlite3.connect(file)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert min(file.read_bytes().count(f"{name}-".encode()) for name in marks) > 100
        written = elonara.json("backup", str(elonara.folder / "backups"))
        with tarfile.open(written["file"]) as data:
            inside = {name: data.extractfile(name).read() for name in data.getnames() if data.getmember(name).isfile()}
        assert set(inside) == {"manifest.json", "database.sqlite3"}
        assert not any(f"{name}-".encode() in content for name in marks for content in inside.values())
        with closing(sqlite3.connect(file)) as database:  # the site's own are as they were
            assert database.execute("SELECT count(*) FROM django_session").fetchone() == (300,)

    def test_restoring_a_backup_that_has_sessions_ends_them(self, elonara, written, tmp_path):
        """As 0.1.0 made them: with the cookies of everybody who was signed in."""
        folder, old = tmp_path / "parts", tmp_path / "elonara-20260101-000000.tar.gz"
        archives.unpack(Path(written["file"]), folder)
        (folder / "database.sqlite3").unlink()
        before = {"DATABASE__URL": f"sqlite:///{folder / 'database.sqlite3'}"}
        done = elonara.python("-m", "tests.older_schema", "0011_operators_can_act", **before)
        assert done.returncode == 0, done.stderr
        with closing(sqlite3.connect(folder / "database.sqlite3")) as database, database:
            database.execute("INSERT INTO django_session VALUES (?, 'x', '2099-01-01')", ("c" * 32,))
        archives.pack(old, {path.name: path for path in folder.iterdir()}, compressed=True)
        new = {"DATA_DIR": str(elonara.folder / "new")}
        elonara.json("restore", str(old), "--keys", written["keys"], **new)
        with closing(sqlite3.connect(elonara.folder / "new" / "elonara.sqlite3")) as database:
            assert database.execute("SELECT count(*) FROM django_session").fetchone() == (0,)

    @pytest.mark.promise("backups-apart")
    def test_keep_the_keys_apart_and_private(self, written):
        with tarfile.open(written["file"]) as data, tarfile.open(written["keys"]) as keys:
            assert not any("keys" in name for name in data.getnames())
            assert "keys/sealing.json" in keys.getnames()
        for name in ("file", "keys"):
            assert stat.S_IMODE(Path(written[name]).stat().st_mode) == 0o600

    def test_refuse_to_write_over_a_site(self, elonara, written):
        done = elonara("restore", written["file"], "--keys", written["keys"])
        assert done.returncode == 1
        assert "has a database already" in last_line(done)

    def test_refuse_something_else_in_one_line(self, elonara, written, tmp_path):
        junk = tmp_path / "junk.tar.gz"
        junk.write_bytes(b"junk")
        done = elonara("restore", str(junk), "--keys", written["keys"], DATA_DIR=str(tmp_path / "new"))
        assert done.returncode == 1
        assert "cannot be read as a backup" in last_line(done)

    def test_of_nothing_is_refused(self, elonara):
        assert "nothing to back up" in last_line(elonara("backup", str(elonara.folder / "backups")))

    def test_keys_go_elsewhere_and_old_ones_go_away(self, site, elonara):
        folder, apart = elonara.folder / "backups", elonara.folder / "keys"
        for place, ending in ((folder, "tar.gz"), (apart, "keys.tar")):
            place.mkdir()
            for day in ("20240101", "20240102", "20240103", "21240101"):  # the last while the clock was wrong
                (place / f"elonara-{day}-030000.{ending}").write_text("old")
            (place / "elonara-notes.txt").write_text("not a backup")
        output = elonara.json("backup", str(folder), "--keys", str(apart), "--keep", "2")
        assert {path.name for path in folder.iterdir()} == {
            "elonara-21240101-030000.tar.gz", Path(output["file"]).name, "elonara-notes.txt",
        }  # fmt: skip
        assert {path.name for path in apart.iterdir()} == {
            "elonara-21240101-030000.keys.tar", Path(output["keys"]).name, "elonara-notes.txt",
        }  # fmt: skip
        assert len(output["pruned"]) == 6

    def test_a_failed_write_is_a_one_line_error(self, site, elonara):
        (elonara.folder / "taken").write_text("a file")
        done = elonara("backup", str(elonara.folder / "taken"))
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert "the backup could not be finished" in last_line(done)

    def test_a_full_disk_leaves_no_partial_archive(self, tmp_path):
        (tmp_path / "big").write_bytes(os.urandom(1 << 20))
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, limits[1]))
        try:
            with pytest.raises(OSError, match="File too large"):
                archives.pack(tmp_path / "elonara.tar.gz", {"big": tmp_path / "big"}, compressed=True)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert [path.name for path in tmp_path.iterdir()] == ["big"]


def test_an_archive_is_private_whatever_the_umask(tmp_path):
    (tmp_path / "part").write_text("a secret")
    before = os.umask(0)
    try:
        archives.pack(tmp_path / "a.tar", {"part": tmp_path / "part"}, compressed=False)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.tar").stat().st_mode) == 0o600


@pytest.mark.sqlite_only
def test_the_copy_of_the_database_has_no_session_and_no_rest_of_one(transactional_db, tmp_path):
    sessions = [SessionStore() for _ in range(2)]
    for session in sessions:
        session["who"] = "alice"
        session.save()
    sessions[0].delete()
    copied = archives.dump_database(tmp_path)
    assert [session.session_key for session in sessions if session.session_key.encode() in copied.read_bytes()] == []
    assert Session.objects.count() == 1


def cut_off(path, by=10):
    path.write_bytes(path.read_bytes()[:-by])


def change_in_the_middle(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0xFF
    path.write_bytes(bytes(content))


def pack_other(path, **files):
    """An archive as of a backup, with other files in it."""
    with tempfile.TemporaryDirectory() as name, tarfile.open(path, "w:gz") as archive:
        for file, content in files.items():
            part = Path(name) / file
            part.write_bytes(content)
            archive.add(part, file)


DAMAGES = {
    "without its last bytes": cut_off,  # tarfile reads it to the end without a word
    "cut off in the middle": lambda path: cut_off(path, path.stat().st_size // 2),
    "cut off in its header": lambda path: path.write_bytes(path.read_bytes()[:5]),
    "empty": lambda path: path.write_bytes(b""),
    "with one byte changed": change_in_the_middle,
    "a gzip of something else": lambda path: path.write_bytes(gzip.compress(b"hello\n")),
    "noise": lambda path: path.write_bytes(os.urandom(3000)),
    "xz cut off": lambda path: path.write_bytes(lzma.compress(path.read_bytes())[:-50]),
    "another manifest": lambda path: pack_other(path, **{"manifest.json": b"[1]"}),
    "a manifest without a date": lambda path: pack_other(path, **{"manifest.json": b"{}"}),
    "a database that is none": lambda path: pack_other(
        path,
        **{
            "manifest.json": b'{"made_at": "x", "database": "sqlite", "site": "http://x"}',
            "database.sqlite3": b"no database" * 100,
        },
    ),
}
DAMAGES_OF_KEYS = ["cut off in the middle", "a gzip of something else"]


@pytest.fixture(scope="module")
def written(prepared_folder, tmp_path_factory):
    """A backup of the prepared site: its data and its keys."""
    folder = tmp_path_factory.mktemp("written")
    shutil.copytree(prepared_folder, folder / "data")
    done = Command(folder)("backup", "out")
    assert done.returncode == 0, done.stderr
    (data,), (keys,) = (folder / "out").glob("*.tar.gz"), (folder / "out").glob("*.keys.tar")
    return data, keys


class TestDamagedBackups:
    """Ends in one line, and a good backup can be restored in the same place afterwards."""

    def refuse(self, elonara, written, data, keys):
        done = elonara("restore", str(data), "--keys", str(keys))
        assert (done.returncode, done.stdout) == (1, "")
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert done.stderr.startswith("elonara: ")

    @pytest.mark.parametrize("damage", DAMAGES)
    def test_damaged_data_is_refused_in_one_line(self, elonara, written, tmp_path, damage):
        bad = Path(shutil.copy(written[0], tmp_path))
        DAMAGES[damage](bad)
        self.refuse(elonara, written, bad, written[1])

    @pytest.mark.parametrize("damage", DAMAGES_OF_KEYS)
    def test_damaged_keys_are_refused_in_one_line(self, elonara, written, tmp_path, damage):
        bad = Path(shutil.copy(written[1], tmp_path))
        DAMAGES[damage](bad)
        self.refuse(elonara, written, written[0], bad)
        again = elonara("restore", str(written[0]), "--keys", str(written[1]))
        assert again.returncode == 0, again.stderr

    def test_keys_that_were_cut_off_between_two_files_are_refused(self, elonara, written, tmp_path):
        bad = Path(shutil.copy(written[1], tmp_path))
        with tarfile.open(bad) as archive:
            last = archive.getmembers()[-1]
        bad.write_bytes(bad.read_bytes()[: last.offset])
        self.refuse(elonara, written, written[0], bad)
