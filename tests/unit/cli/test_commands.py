import sqlite3
from contextlib import closing

import pytest


def last_line(done):
    return done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("command", ["serve", "migrate", "config", "doctor", "worker"])
def test_a_bad_setting_stops_every_command_with_one_line(elonara, command):
    done = elonara(command, BLUESKY__WRITES__MODE="both")
    assert done.returncode == 2
    assert done.stderr == "elonara: bluesky.writes.mode is 'both'; it can be 'legacy' or 'oauth'\n"
    assert done.stdout == ""


@pytest.mark.parametrize("command", ["serve", "migrate", "config"])
def test_a_broken_file_stops_every_command_with_one_line(elonara, command):
    (elonara.folder / "elonara.toml").write_text("[site\nname = 1")
    done = elonara(command)
    assert done.returncode == 2
    assert done.stderr.startswith("elonara: elonara.toml cannot be read: ")
    assert done.stderr.count("\n") == 1


def test_keys_that_do_not_belong_to_the_database_stop_everything_with_one_line(site, elonara):
    with closing(sqlite3.connect(site.folder / "data" / "elonara.sqlite3")) as database, database:
        database.execute(
            "INSERT INTO elonara_letter "
            "(id, message_enc, attempts, due_at, error, created_at, lease_owner, lease_fence) "
            "VALUES (?, 'v1.deadbeef.AAAAAAAAAAAAAAAA.AAAA', 0, '2026-01-01', '', '2026-01-01', '', 0)",
            ("0" * 32,),
        )
    for missing in (False, True):
        for command in (("serve",), *([("createadmin", "--username", "olga", "--password-stdin")] if missing else [])):
            done = elonara(*command)
            assert done.returncode == 2, done.stderr
            assert "1 stored secret is sealed under key deadbeef" in done.stderr
            assert "elonara keys abandon deadbeef" in done.stderr
            assert done.stderr.count("\n") == 1
        findings = elonara.json("doctor", "--offline", status=1)["findings"]
        [keys] = [one for one in findings if one["what"] == "keys"]
        assert keys["level"] == "wrong"
        assert "deadbeef" in keys["says"]
        if not missing:
            (site.folder / "data" / "keys" / "sealing.json").unlink()
    assert not (site.folder / "data" / "keys" / "sealing.json").exists()
    assert elonara("keys", "abandon", "deadbeef").returncode == 1
    assert elonara.json("keys", "abandon", "deadbeef", "--yes")["emails"] == 1
    assert elonara.json("doctor", "--offline")["ok"]


def test_a_key_file_that_others_can_read_is_a_one_line_error(site, elonara):
    (elonara.folder / "data" / "keys" / "secret_key").chmod(0o644)
    done = elonara("serve")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "chmod 600" in done.stderr


def test_an_unreachable_database_is_a_one_line_error(elonara):
    done = elonara("migrate", DATABASE__URL="postgresql://nobody@127.0.0.1:1/none?connect_timeout=2")
    assert done.returncode == 1
    assert last_line(done).startswith("elonara: the database does not answer")
    assert "Traceback" not in done.stderr


def test_an_unknown_command_is_a_bad_option(elonara):
    done = elonara("dance")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


class TestConfig:
    def test_shows_what_is_set_and_where_and_hides_secrets(self, elonara):
        (elonara.folder / "elonara.toml").write_text('[site]\nname = "Ours"\n[email]\nfrom = "us@example.org"\n')
        shown = elonara.json("config", EMAIL__URL="smtp://u:hunter2@mail.example.org", INVITATIONS__PER_DAY="7")
        rows = {row["name"]: row for row in shown["settings"]}
        assert rows["site.name"] == {"name": "site.name", "value": "Ours", "from": "elonara.toml"}
        assert rows["email.from"]["value"] == "us@example.org"
        assert rows["email.url"]["value"] == "(hidden)"
        assert rows["invitations.per_day"] == {
            "name": "invitations.per_day",
            "value": 7,
            "from": "ELONARA_INVITATIONS__PER_DAY",
        }
        assert rows["bluesky.writes.mode"] == {"name": "bluesky.writes.mode", "value": "legacy", "from": "default"}

    def test_never_prints_a_secret(self, elonara):
        done = elonara("config", DATABASE__URL="postgresql://u:hunter2@db/x")
        assert done.returncode == 0
        assert "hunter2" not in done.stdout + done.stderr

    def test_touches_nothing(self, elonara):
        elonara("config")
        assert not (elonara.folder / "data").exists()


class TestMigrate:
    def test_migrates_a_new_database_and_then_has_nothing_to_do(self, elonara):
        assert elonara.json("migrate", "--check", status=1)["pending"]
        assert "elonara.0001_squashed_0051_new_site" in elonara.json("migrate")["applied"]
        assert elonara.json("migrate", "--check")["pending"] == []

    def test_serve_does_not_touch_an_older_database_unasked(self, site, elonara):
        with closing(sqlite3.connect(elonara.folder / "data" / "elonara.sqlite3")) as database, database:
            database.execute("DELETE FROM django_migrations WHERE app = 'sessions'")
        done = elonara("serve")
        assert done.returncode == 1
        assert "make a backup, then run `elonara migrate`" in last_line(done)


class TestCreateadmin:
    def test_makes_an_operator(self, elonara):
        made = elonara.json("createadmin", "--username", "olga", "--password-stdin", stdin="correct horse\n")
        assert made == {"member_id": 1, "username": "olga"}

    def test_refuses_a_weak_password_and_a_taken_name_in_one_line(self, site):
        weak = site("createadmin", "--username", "olli", "--password-stdin", stdin="short\n")
        taken = site("createadmin", "--username", "Olga", "--password-stdin", stdin="correct horse\n")
        assert (weak.returncode, taken.returncode) == (1, 1)
        assert "password: " in last_line(weak)
        assert "username: " in last_line(taken)

    def test_without_a_terminal_says_how(self, elonara):
        assert "--password-stdin" in last_line(elonara("createadmin", "--username", "olga"))


class TestWorker:
    def test_says_that_sqlite_needs_none(self, elonara):
        done = elonara("worker")
        assert done.returncode == 1
        assert "`elonara serve` is enough" in last_line(done)


class TestDoctor:
    def test_of_a_new_site_names_what_is_missing_and_the_fix(self, elonara):
        output = elonara.json("doctor", "--offline", status=1)
        assert not output["ok"]
        database = next(row for row in output["findings"] if row["what"] == "database")
        assert (database["level"], database["fix"]) == ("wrong", "Run: elonara migrate")

    def test_of_a_working_site_finds_nothing_wrong(self, site):
        output = site.json("doctor", "--offline")
        assert output["ok"]
        assert {row["what"] for row in output["findings"] if row["level"] == "ok"} >= {"keys", "database"}

    def test_finds_keys_that_others_can_see(self, site):
        (site.folder / "data" / "keys").chmod(0o755)
        output = site.json("doctor", "--offline", status=1)
        assert next(row for row in output["findings"] if row["what"] == "keys")["fix"].startswith("Run: chmod 700")

    def test_names_blueskys_rules_for_the_relay(self, elonara):
        relay = {"BLUESKY__RELAY__IDENTIFIER": "relay.example", "BLUESKY__RELAY__APP_PASSWORD": "aaaa-bbbb-cccc-dddd"}
        done = elonara("doctor", "--offline", **relay)
        assert "opted in" in done.stdout
        assert "aaaa-bbbb" not in done.stdout + done.stderr

    def test_says_which_service_is_not_reached(self, site):
        nowhere = {"BLUESKY__PLC_URL": "http://127.0.0.1:1", "BLUESKY__APPVIEW_URL": "http://127.0.0.1:1"}
        output = site.json("doctor", status=1, **nowhere, BLUESKY__ALLOW_PRIVATE_HOSTS="127.0.0.1:1")
        assert {row["what"] for row in output["findings"] if row["level"] == "wrong"} == {"PLC", "AppView"}
