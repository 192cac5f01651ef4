"""The hunt finds what it should: a leak is planted in each channel, in each spelling."""

import base64
import dataclasses
import json
import logging
import sys
from urllib.parse import quote

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.core import mail
from django.http import JsonResponse
from django.test import override_settings
from django.urls import path
from tests.contract.secrets import listening
from tests.contract.secrets.hunt import Hunt, Leak

from elonara.members.models import Member, Notice

SECRET = "s3cr3t+of/the=house"
LONG = "eyJhbGciOiJFUzI1NiJ9." + "eyJzdWIiOiJkaWQ6cGxjOmFsaWNlIn0" * 20 + "." + "5ignatur3" * 12
SPELLINGS = {
    "raw": lambda text: text,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 inside": lambda text: base64.b64encode(f'{{"a":"{text}"}}'.encode()).decode(),
    "base64url": lambda text: base64.urlsafe_b64encode(f"?>~{text}".encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "URL": lambda text: quote(text, safe=""),
    "JSON": lambda text: json.dumps({"it": text}),
}


@pytest.fixture
def secret(hunt):
    hunt.keep("the secret", SECRET)
    return SECRET


@pytest.fixture
def member(db):
    return Member.objects.create_user("alice")


@pytest.mark.parametrize("value", [SECRET, LONG])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_is_found(spelling, value):
    hunt = Hunt()
    hunt.keep("the secret", value)
    hunt.hear("somewhere", f"nothing {SPELLINGS[spelling]('else')} here")
    assert hunt.leaks() == set()
    hunt.hear("somewhere", f"before{SPELLINGS[spelling](value)}after")
    assert {(leak.secret, leak.channel) for leak in hunt.leaks()} == {("the secret", "somewhere")}


def test_a_part_of_a_long_one_is_found_and_what_all_have_in_common_is_not():
    hunt = Hunt()
    hunt.keep("the token", LONG)
    hunt.hear("somewhere", LONG.rpartition(".")[0])
    assert hunt.leaks() == set()
    hunt.hear("somewhere", f"…{LONG[-60:]}")
    assert hunt.leaks() == {Leak("the token", "somewhere", "raw")}


def test_a_secret_in_the_one_place_that_is_meant_for_it_is_none():
    hunt = Hunt()
    hunt.keep("the secret", SECRET, meant_for="its answer")
    hunt.hear("its answer", SECRET)
    assert hunt.leaks() == set()
    hunt.hear("another answer", SECRET)
    assert {leak.channel for leak in hunt.leaks()} == {"another answer"}


def test_a_leak_does_not_print_the_secret(hunt, secret):
    hunt.hear("somewhere", secret)
    assert secret not in f"{hunt!r} {hunt.leaks()}"


def channels(hunt):
    return {leak.channel.partition(":")[0] for leak in hunt.leaks()}


def test_nothing_is_found_where_nothing_is(hunt, secret, look, browser, member):
    logging.getLogger("elonara.anything").debug("all is well")
    browser("anybody").get("/about")
    look()
    assert {"answers", "log", "rows"} <= hunt.channels()
    assert hunt.leaks() == set()


def test_in_a_row(hunt, secret, look, member):
    Notice.objects.create(member=member, kind="x", text=f"your token is {secret}")
    look()
    assert "rows" in channels(hunt)


@pytest.mark.sqlite_only
def test_in_the_files_of_the_database(hunt, secret, look, member):
    notice = Notice.objects.create(member=member, kind="x", text=f"your token is {secret}")
    notice.delete()  # the row is gone, its bytes are not
    look()
    assert channels(hunt) & {"database file", "database file-wal"}


def test_in_a_session_which_is_stored_compressed(hunt, secret, look, db):
    session = SessionStore()
    session["padding"], session["state"] = "x" * 1000, secret
    session.save()
    look()
    assert "sessions" in channels(hunt)


@pytest.mark.parametrize("name", ["elonara.web", "httpx2", "httpcore2.http11", "django.db.backends"])
def test_in_a_log_line_below_what_is_shown(hunt, secret, name):
    logging.getLogger(name).debug("sent %s", {"authorization": f"DPoP {secret}"})
    assert channels(hunt) == {"log"}


def test_in_a_traceback_that_is_logged(hunt, secret):
    def fail():
        try:
            int(f"bad token {secret}")
        except ValueError as fault:
            raise RuntimeError("something failed") from fault

    try:
        fail()
    except RuntimeError:
        logging.getLogger("elonara.web").exception("a request failed")
    assert channels(hunt) == {"traceback"}


def test_in_an_exception_that_nobody_logs(hunt, secret):
    house = {}
    exec(compile("def use(token):\n    raise KeyError(token)", "/src/elonara/planted.py", "exec"), house)
    with pytest.raises(KeyError):
        house["use"](secret)
    assert channels(hunt) == {"exceptions"}


def test_in_how_an_object_prints_itself(hunt, secret, look, monkeypatch):
    planted = dataclasses.make_dataclass("Planted", ["token"])
    planted.__module__ = "elonara.planted"
    kept = [planted(secret)]
    look()
    assert kept
    assert channels(hunt) == {"what objects print"}


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_in_what_the_process_prints(hunt, secret, look, stream):
    print(f"token: {secret}", file=getattr(sys, stream))
    look()
    assert stream in channels(hunt)


def test_in_a_file_of_the_data_folder(hunt, secret, look, settings):
    folder = settings.ELONARA.data_dir / "media"
    folder.mkdir(parents=True)
    (folder / "debug.txt").write_text(secret)
    look()
    assert channels(hunt) == {"files"}


def test_in_a_letter(hunt, secret, look):
    mail.EmailMessage("Hello", f"Your token: {secret}", "a@example.org", ["b@example.org"]).send()
    look()
    assert channels(hunt) & {"letters"}


def show(request):
    return JsonResponse({"debug": SECRET})


def head(request):
    answer = JsonResponse({})
    answer["X-Debug"] = SECRET
    return answer


def lead(request):
    answer = JsonResponse({})
    answer.set_cookie("debug", base64.b64encode(SECRET.encode()).decode())
    return answer


urlpatterns = [path("show", show), path("head", head), path("lead", lead)]


@pytest.mark.parametrize("where", ["show", "head", "lead"])
def test_in_an_answer(hunt, secret, browser, where):
    with override_settings(ROOT_URLCONF=sys.modules[__name__]):
        browser("anybody").get(f"/{where}")
    assert channels(hunt) == {"answers"}


def test_in_an_address_that_is_asked(hunt, secret):
    http = listening.ListeningHttp(hunt)
    with pytest.raises(Exception):  # noqa: B017, PT011 - the guard refuses it
        http.request("GET", "http://127.0.0.1:1/", params={"token": secret})
    http.close()
    assert "addresses asked" in channels(hunt)
