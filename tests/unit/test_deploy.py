"""The files of `deploy/` and the pages for operators name commands, settings and modules that exist."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from elonara.cli import arguments
from elonara.config.logs import redact
from elonara.config.options import load

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
PAGES = [ROOT / "docs" / "deploy.md", ROOT / "docs" / "troubleshooting.md"]
TEXTS = [*sorted(path for path in DEPLOY.rglob("*") if path.is_file()), *PAGES]
VALUES = {
    "ELONARA_SITE__URL": "https://events.example.org",
    "ELONARA_DATABASE__URL": "postgresql://u:p@h/d",
    "ELONARA_EMAIL__URL": "smtps://mail.example.org",
    "ELONARA_EMAIL__FROM": "us@example.org",
    "ELONARA_HTTP__TRUSTED_PROXIES": "10.89.47.0/24",
    "ELONARA_METRICS__TOKEN": "0123456789abcdef",
    "ELONARA_LOG__FORMAT": "json",
    "ELONARA_HTTP__PORT": "8000",
}


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_settings_exist(path, tmp_path):
    names = set(re.findall(r"ELONARA_[A-Z_]+", path.read_text(encoding="utf-8"))) - {"ELONARA_CONFIG"}
    # Some settings need a second one, which a sample may leave to another file.
    email = {
        "ELONARA_EMAIL__FROM": "us@example.org",
        "ELONARA_EMAIL__URL": "smtp://mail.example.org:587",
        "ELONARA_EMAIL__USER": "u",
        "ELONARA_EMAIL__PASSWORD": "p",
    }
    load(email | {name: VALUES.get(name, "x") for name in names}, tmp_path / "none")


COMMAND = re.compile(r"(?:^|[ =/`])elonara ((?:[a-z]+ ?)(?:--?[a-z-]+ ?[A-Za-z0-9/]*|/[a-z/]+| )*)", re.MULTILINE)
NAMED = {"serve", "worker", "migrate", "doctor", "backup", "reauthorize"}


def commands():
    for path in TEXTS:
        for words in COMMAND.findall(path.read_text(encoding="utf-8")):
            # Prose has the site's name in sentences too.
            if path.suffix != ".md" or words.split()[0] in NAMED:
                yield path.name, words.strip()


def test_commands_can_be_parsed():
    found = sorted(set(commands()))
    assert {
        "serve",
        "worker --threads 4",
        "migrate",
        "backup /var/backups/elonara --keys /var/backups/elonara-keys --keep 14",
    } <= {words for _, words in found}
    for _, words in found:
        given = shlex.split(words)
        try:
            arguments.parser().parse_args([*given, *(["folder"] if given == ["backup"] else [])])
        except SystemExit:
            pytest.fail(f"{words!r} is no command line of elonara")


def test_the_processes_of_compose_and_systemd_are_the_same():
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    units = {
        name: (DEPLOY / "systemd" / f"{unit}.service").read_text(encoding="utf-8")
        for name, unit in (("web", "elonara-web"), ("worker", "elonara-worker@"))
    }
    for name, unit in units.items():
        command = services[name]["command"].replace("0.0.0.0", "127.0.0.1")
        assert f"ExecStart=/opt/elonara/.venv/bin/{command}\n" in unit
    assert services["worker"]["stop_grace_period"] == "20s"


def test_the_stop_of_a_service_is_longer_than_that_of_a_process():
    from elonara.cli import serve, worker

    for path in (DEPLOY / "systemd").glob("*.service"):
        if found := re.search(r"TimeoutStopSec=(\d+)", path.read_text(encoding="utf-8")):
            assert int(found[1]) > max(worker.STOP_SECONDS, serve.RESPONSE_SECONDS + serve.JOB_SECONDS)


def text_of(name):
    return (DEPLOY / name).read_text(encoding="utf-8")


def shown_by_caddy(uri):
    pattern, shown = re.search(r'request>uri regexp "(.+)" "(.+)"', text_of("Caddyfile")).groups()
    return re.sub(pattern, shown.replace("${1}", r"\1"), uri)


def shown_by_nginx(uri):
    pattern, shown = re.search(r'"~(\^.+)" "(.+)";', text_of("nginx.conf")).groups()
    found = re.match(pattern.replace("?<", "?P<"), uri)
    return shown.replace("$elonara_shown", found["elonara_shown"]) if found else uri


SECRET = "s3cr3t-Value_1"
ADDRESSES = [
    f"/rsvp/{SECRET}",
    f"/rsvp/{SECRET}/stop",
    f"/digest/{SECRET}",
    f"/first-run/{SECRET}",
    f"/accounts/confirm-email/{SECRET}/",
    f"/accounts/password/reset/key/1-{SECRET}/",
    f"/auth/bluesky/callback?iss=https%3A%2F%2Fbsky.social&state={SECRET}&code={SECRET}",
    f"/auth/bluesky/callback?code={SECRET}",
]


@pytest.mark.promise("letter-link-private")
@pytest.mark.parametrize("shown", [shown_by_caddy, shown_by_nginx])
@pytest.mark.parametrize("uri", ADDRESSES)
def test_the_logs_of_the_proxies_hide_what_our_own_hide(shown, uri):
    assert SECRET not in redact(uri)
    assert SECRET not in shown(uri)
    assert shown(uri).endswith("<hidden>")


@pytest.mark.parametrize("shown", [shown_by_caddy, shown_by_nginx])
@pytest.mark.parametrize("uri", ["/", "/events/bread?page=2", "/i/0a1b2c", "/invitations", "/accounts/password/reset/"])
def test_other_addresses_stand_in_the_logs_of_the_proxies_as_they_are(shown, uri):
    assert shown(uri) == uri


def test_every_log_of_a_proxy_is_one_without_secrets():
    assert re.findall(r"^\s*log\b.*\n(.*)", text_of("Caddyfile"), re.MULTILINE) == ["\t\timport without_secrets"] * 2
    servers = text_of("nginx.conf").split("\nserver {")[1:]
    assert len(servers) == 2
    for server in servers:
        assert re.search(r"access_log \S+ elonara;", server)
        assert "error_log /var/log/nginx/error.log crit;" in server


def test_no_proxy_asks_under_a_name_that_the_site_refuses_or_passes_on_a_visitors_request_id():
    assert "health_" not in text_of("Caddyfile")
    assert "header_up X-Request-Id {http.request.uuid}" in text_of("Caddyfile")
    assert "proxy_set_header X-Request-Id $request_id;" in text_of("nginx.conf")


def test_the_password_of_compose_stands_in_no_address():
    text = text_of("compose.yaml")
    web = yaml.safe_load(text)["services"]["web"]["environment"]
    assert web["ELONARA_DATABASE__URL"] == "postgresql://elonara@database/elonara"
    assert web["PGPASSWORD"] == "${POSTGRES_PASSWORD}"
    for words in re.findall(r"docker compose (.*)", text + text_of("../docs/deploy.md")):
        assert words.startswith("--env-file elonara.env ")


@pytest.mark.promise("backups-apart")
def test_the_nightly_backup_keeps_keys_apart_and_may_write_where_it_writes():
    unit = text_of("systemd/elonara-backup.service")
    words = shlex.split(re.search(r"ExecStart=\S+/elonara (.*)", unit)[1])
    given = arguments.parser().parse_args(words)
    assert given.keys != given.folder
    assert given.keep
    writable = re.search(r"ReadWritePaths=(.*)", unit)[1].split()
    assert {str(given.folder), str(given.keys)} <= set(writable)
    install = re.search(r"^install -d -o elonara .*", text_of("../docs/deploy.md"), re.MULTILINE)[0]
    assert {str(given.folder), str(given.keys)} <= set(install.split())
