import os
from pathlib import Path

import pytest

from elonara.config.databases import mailer
from elonara.config.options import ENCODE, BadSetting, load, load_with_sources


@pytest.fixture
def file(tmp_path):
    return tmp_path / "elonara.toml"


def read(file, **environ):
    return load({f"ELONARA_{name}": value for name, value in environ.items()}, file)


def test_without_settings_the_site_is_for_this_machine_alone(file):
    options = read(file)
    assert options.site.url == "http://127.0.0.1:8000"
    assert options.site.registration_mode == "open"
    assert options.bluesky.writes.mode == "legacy"
    assert options.bluesky.allow_private_hosts == ()
    assert options.data_dir == Path("data")


@pytest.mark.parametrize("path", ["gone.toml", "gone/elonara.toml", "."])
def test_a_file_that_is_named_has_to_be_there(tmp_path, path):
    named = str(tmp_path / path)
    with pytest.raises(BadSetting) as refused:
        load({"ELONARA_CONFIG": named})
    assert named.removesuffix("/.") in str(refused.value)


def test_a_file_that_is_named_has_to_be_a_path_to_a_file_below_a_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSetting):
        load({"ELONARA_CONFIG": str(tmp_path / "file" / "elonara.toml")})


def test_no_file_needs_to_be_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load({}) == load({"ELONARA_CONFIG": " "}) == load({"ELONARA_CONFIG": os.devnull})
    (tmp_path / "elonara.toml").write_text("[invitations]\nper_day = 7\n")
    assert load({}).invitations.per_day == 7


def test_the_file_and_the_environment_set_the_same_options(file):
    file.write_text('[bluesky.writes]\nmode = "oauth"\n[invitations]\nper_day = 7\nspacing_seconds = 0.5\n')
    options = read(file)
    assert (options.bluesky.writes.mode, options.invitations.per_day) == ("oauth", 7)
    assert read(file, BLUESKY__WRITES__MODE="legacy").bluesky.writes.mode == "legacy"


def test_an_empty_variable_is_not_set(file):
    assert read(file, SITE__REGISTRATION="", INVITATIONS__PER_DAY=" ").invitations.per_day == 50


def test_email_from_sets_the_sender(file):
    options = read(file, EMAIL__FROM="us@example.org", EMAIL__URL="smtp://mail.example.org")
    assert options.email.sender == "us@example.org"


def test_lists_are_comma_separated_or_lists(file):
    assert read(file, BLUESKY__ALLOW_PRIVATE_HOSTS="pds.test:1, 127.0.0.1:2").bluesky.allow_private_hosts == (
        "pds.test:1",
        "127.0.0.1:2",
    )
    file.write_text('[http]\ntrusted_proxies = ["10.0.0.0/8", "::1"]\n')
    assert read(file).http.trusted_proxies == ("10.0.0.0/8", "::1")


def test_the_default_url_has_the_port(file):
    assert read(file, HTTP__PORT="9001").site.url == "http://127.0.0.1:9001"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("http://localhost:8000/", "http://127.0.0.1:8000"),
        ("http://localhost", "http://127.0.0.1"),
        ("https://events.example.org/", "https://events.example.org"),
        ("https://localhost.example.org", "https://localhost.example.org"),
    ],
)
def test_the_url_is_normalized(file, given, kept):
    assert read(file, SITE__URL=given).site.url == kept


def test_registration_on_a_public_site_needs_approval_by_default(file):
    assert read(file, SITE__URL="https://events.example.org").site.registration_mode == "approval"


def test_every_value_has_its_source(file):
    file.write_text('[site]\nname = "Ours"\n[http]\nport = 9000\n')
    _, sources = load_with_sources({"ELONARA_HTTP__PORT": "9001"}, file)
    assert sources == {"site.name": "elonara.toml", "http.port": "ELONARA_HTTP__PORT"}


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("BLUESKY__WRITES__MODE", "app", "'legacy' or 'oauth'"),
        ("BLUESKY__WRITES__MODUS", "oauth", "no such setting"),
        ("HTTP__PORT", "eighty", "a number"),
        ("HTTP__PORT", "0", "between 1 and 65535"),
        ("HTTP__PORT", "8000.5", "a number"),
        ("HTTP__TRUSTED_PROXIES", "proxy.example", "10.0.0.0/8"),
        ("INVITATIONS__PER_DAY", "-1", "negative"),
        ("INVITATIONS__SPACING_SECONDS", "nan", "endless"),
        ("SITE__URL", "events.example.org", "an address"),
        ("TRACES__ENDPOINT", "127.0.0.1:4318", "an address"),
        ("SITE__URL", "http://events.example.org", "https://"),
        ("SITE__URL", "https://events.example.org/elonara", "no path"),
        ("SITE__URL", "https://events.example.org:port", "an address"),
        ("SITE__REGISTRATION", "maybe", "'open' or 'approval' or 'closed'"),
        ("DATABASE__URL", "mysql://x", "postgresql://"),
        ("EMAIL__URL", "mail.example.org:25", "smtp://"),
        ("EMAIL__URL", "smtp://mail.example.org", "email.from"),
        ("BLUESKY__APPVIEW_DID", "api.bsky.app", "did:"),
        ("BLUESKY__RELAY__IDENTIFIER", "relay.example", "both"),
        ("BLUESKY__ALLOW_PRIVATE_HOSTS", "http://pds.test", "hosts with ports"),
    ],
)
def test_a_bad_value_is_refused_with_one_clear_line(file, setting, value, says):
    with pytest.raises(BadSetting, match=says.replace("(", r"\(")) as caught:
        read(file, **{setting: value})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["[site\n", 'site = "x"', "[http]\nport = true", "[site]\nname = 7", b"\xff\xfe".decode("latin-1")]
)
def test_a_broken_file_is_refused_with_one_clear_line(file, text):
    file.write_text(text, encoding="latin-1")
    with pytest.raises(BadSetting) as caught:
        read(file)
    assert "\n" not in str(caught.value)


def test_a_refused_secret_is_not_repeated(file):
    file.write_text("[bluesky.relay]\nidentifier = 'relay.example'\napp_password = 12345678\n")
    with pytest.raises(BadSetting, match="app_password is hidden"):
        read(file)
    with pytest.raises(BadSetting) as caught:
        read(file, EMAIL__URL="smtp//user:hunter2@host")
    assert "hunter2" not in str(caught.value)


def test_secrets_are_not_printed(file):
    options = read(
        file,
        EMAIL__URL="smtp://user:hunter2@host",
        EMAIL__FROM="us@example.org",
        DATABASE__URL="postgresql://user:hunter2@host/db",
        BLUESKY__RELAY__IDENTIFIER="relay.example",
        BLUESKY__RELAY__APP_PASSWORD="hunter2",
    )
    assert "hunter2" not in repr(options)


@pytest.mark.parametrize(
    "password", ["12/34", "12?34", "12#34", "a[b", "a]b", "q z", "a\\b", "12/x@y", "//", "1\t2", "p\u2100w"]
)
@pytest.mark.parametrize(
    ("name", "url"),
    [("EMAIL", "smtp://me:{}@mail.example.org:587"), ("DATABASE", "postgresql://me:{}@db.internal/site")],
)
def test_a_special_character_in_a_url_is_explained_and_never_read_as_another_host(file, name, url, password):
    with pytest.raises(BadSetting, match="%2F") as caught:
        read(file, **{f"{name}__URL": url.format(password), "EMAIL__FROM": "us@example.org"})
    assert "\n" not in str(caught.value)
    assert password not in str(caught.value).replace(ENCODE, "")


@pytest.mark.parametrize("password", ["p@ss", "p:ss", "50%", "a%2Fb", "a&b=c;d,e!$'()*+~"])
def test_what_a_url_can_hold_is_taken(file, password):
    options = read(file, EMAIL__URL=f"smtp://me:{password}@mail.example.org", EMAIL__FROM="us@example.org")
    assert mailer(options.email)["OPTIONS"]["password"] == password.replace("%2F", "/")
    assert mailer(options.email)["OPTIONS"]["host"] == "mail.example.org"


def test_user_and_password_of_the_mail_server_are_set_apart_as_they_are(file):
    apart = {"EMAIL__USER": "me@example.org", "EMAIL__PASSWORD": "a/b?c#d%41@[e]:"}
    options = read(file, EMAIL__URL="smtp://mail.example.org", EMAIL__FROM="us@example.org", **apart)
    made = mailer(options.email)["OPTIONS"]
    assert (made["username"], made["password"]) == ("me@example.org", "a/b?c#d%41@[e]:")
    assert made["use_tls"]
    assert "a/b" not in repr(options)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"EMAIL__USER": "me", "EMAIL__URL": "smtp://mail.example.org"}, "password"),
        ({"EMAIL__PASSWORD": "secret", "EMAIL__URL": "smtp://mail.example.org"}, "user"),
        ({"EMAIL__PASSWORD": "secret", "EMAIL__USER": "me"}, "need email.url"),
        ({"EMAIL__URL": "smtp://me:pässword@mail.example.org"}, "ASCII"),
        ({"EMAIL__URL": "smtp://mail.example.org", "EMAIL__USER": "me", "EMAIL__PASSWORD": "пароль"}, "ASCII"),
        ({"EMAIL__URL": "smtp://me:pw@"}, "no host"),
        ({"EMAIL__URL": "smtp://me:pw@mail.example.org/inbox"}, "after the host"),
        ({"EMAIL__URL": "smtp://mail.example.org:port"}, "%2F"),
    ],
)
def test_what_is_missing_for_the_mail_server_is_one_clear_line(file, given, says):
    with pytest.raises(BadSetting, match=says) as caught:
        read(file, EMAIL__FROM="us@example.org", **given)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "port", "starttls", "implicit"),
    [
        ("smtp://mail.example.org", 587, True, False),
        ("smtp://mail.example.org:587", 587, True, False),
        ("smtps://mail.example.org:587", 587, True, False),
        ("smtps://mail.example.org", 465, False, True),
        ("smtp://mail.example.org:465", 465, False, True),
        ("smtp://me:pw@mail.example.org:25", 25, True, False),
        ("smtps://mail.example.org:2465", 2465, False, True),
        ("smtp://127.0.0.1:25", 25, False, False),
    ],
)
def test_tls_follows_the_port(file, url, port, starttls, implicit):
    made = mailer(read(file, EMAIL__URL=url, EMAIL__FROM="us@example.org").email)["OPTIONS"]
    assert (made["port"], made["use_tls"], made["use_ssl"]) == (port, starttls, implicit)


def test_a_number_of_days_that_no_date_can_have_is_refused(file):
    assert read(file, EVENTS__GUEST_DATA_DAYS="0").events.guest_data_days == 0
    with pytest.raises(BadSetting) as refused:
        read(file, EVENTS__GUEST_DATA_DAYS="99999999")
    assert "events.guest_data_days" in str(refused.value)
