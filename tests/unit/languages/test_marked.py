"""Every sentence that a person reads goes through gettext: in Python, in templates, and in what the catalogue has."""

import pytest
from tests.catalogue import extract, unmarked_python, unmarked_templates

SOURCES = extract.SOURCES
TEMPLATES = sorted(path for path in SOURCES.rglob("templates/**/*") if path.suffix in {".html", ".txt"})
# What is written for those who run the site on its command line, for programmers, and for other servers.
NOT_FOR_PEOPLE = (
    "atproto/", "cli/", "config/config", "config/keys.py", "config/logs.py", "config/options.py", "config/server.py",
    "config/settings.py", "config/telemetry.py", "config/wsgi.py", "covers/make.py", "engines/",
    "housekeeping/keys/", "housekeeping/metrics.py", "keyfiles.py", "sealing.py",
    "invitations/planning/earlier_words.py",  # compared with what 0.1.0 has stored
    "invitations/states.py",  # the table for docs/invitations.md
    "mail/replies.py",  # patterns of what mail servers say
)  # fmt: skip
PYTHON = [
    path
    for path in extract.files()
    if path.suffix == ".py" and not str(path.relative_to(SOURCES)).startswith(NOT_FOR_PEOPLE)
]
# What looks like a sentence, and is a code or a name that nobody reads as it is.
ALLOWED = {
    "bluesky/app_password/relay_failures.py": ["relay password"],
    "bluesky/oauth/self_check.py": ["client metadata", "clock of "],
    "events/of_communities.py": ["taken out:"],
    "housekeeping/cleanup.py": [
        "views of people", "listed sessions", "e-mail addresses", "messages to guests", "mail refusals",
        "counts of processes", "audit entries", "authorization requests",
    ],
    "housekeeping/guest_data/telling.py": ["guest data"],
    "housekeeping/periodic_tasks.py": [
        "renew sessions", "self check", "fill places", "admit guests", "pass offers on", "stored graphs",
        "answer digests", "share pictures", "guest data", "clear away",
    ],
    "housekeeping/words.py": [
        "renew sessions", "self check", "fill places", "admit guests", "pass offers on", "stored graphs",
        "answer digests", "share pictures", "guest data", "clear away",
    ],
    "invitations/consent/site_email_cap.py": ["the site's share of e-mail"],
    "invitations/guest_emails/host_messages.py": ["host message"],
    "invitations/notifications.py": ["announcement gone", "relay spam_label", "relay account_takendown"],
    "members/audit.py": ["command line"],
    "personal_data/leaving.py": ["former member"],
    "shared_cache.py": ["the table could not be reached a moment ago"],
    "web/events/forms.py": ["id_starts_at id_ends_at"],
}  # fmt: skip


def name(path):
    return str(path.relative_to(SOURCES))


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_a_template_has_no_unmarked_words(path):
    assert list(unmarked_templates.unmarked(path, text=path.suffix == ".txt")) == []


@pytest.mark.parametrize("path", PYTHON, ids=name)
def test_python_has_no_unmarked_sentence(path):
    allowed = ALLOWED.get(name(path), ())
    found = [(line, text) for line, text in unmarked_python.unmarked(path) if not any(one in text for one in allowed)]
    assert found == [], "mark it (docs/languages.md), or say in this test why nobody reads it"


@pytest.mark.parametrize("path", ALLOWED)
def test_what_is_allowed_is_still_there(path):
    found = [text for _, text in unmarked_python.unmarked(SOURCES / path)]
    assert [one for one in ALLOWED[path] if not any(one in text for text in found)] == []


@pytest.mark.parametrize(
    "source",
    [
        'raise NotAllowed("Only hosts may do that.")',
        'show(f"{name} is going")',
        'WORDS = {"going": "Is going there"}',
        'say("a" + "two words here")',
        'raise NotAllowed(_("Only hosts may {what}.").format(what="change the event"))',
    ],
)
def test_a_sentence_in_python_is_found(tmp_path, source):
    (tmp_path / "one.py").write_text(source)
    assert list(unmarked_python.unmarked(tmp_path / "one.py"))


@pytest.mark.parametrize(
    "source",
    [
        '"""A module that does things."""',
        'log.warning("The server has said no")',
        'raise ValueError("an impossible choice")',
        'raise NotAllowed(_("Only hosts may do that."))',
        'say(ngettext("{count} post is there", "{count} posts are there", count).format(count=count))',
        'cursor.execute("SELECT a FROM b")',
    ],
)
def test_what_nobody_reads_is_left_alone(tmp_path, source):
    (tmp_path / "one.py").write_text(source)
    assert not list(unmarked_python.unmarked(tmp_path / "one.py"))


@pytest.mark.parametrize(
    "source",
    [
        "<p>Save the date</p>",
        '<a href="/" title="More about it">{{ name }}</a>',
        '<button data-busy="Saving">{% translate "Save" %}</button>',
        '{% include "parts/a.html" with label="Show guests" %}',
        "<p>{% blocktranslate %}Hello{% endblocktranslate %} and welcome</p>",
        '{{ name|default:"Your event" }}',
    ],
)
def test_words_in_a_template_are_found(tmp_path, source):
    (tmp_path / "one.html").write_text("{% load i18n %}" + source)
    assert list(unmarked_templates.unmarked(tmp_path / "one.html"))


@pytest.mark.parametrize(
    "source",
    [
        '<p class="hush two words">{% translate "Save the date" %}</p>',
        "{# A note for us #}",
        "<p>{{ name }} · {{ place }}</p>",
        '{% if kind == "host" %}{% include "parts/a.html" with label=_("Show guests") %}{% endif %}',
        "<p>{% blocktranslate with a=b.c trimmed %}Hello <b>{{ a }}</b>{% endblocktranslate %}</p>",
    ],
)
def test_what_is_marked_or_no_word_is_left_alone(tmp_path, source):
    (tmp_path / "one.html").write_text("{% load i18n %}" + source)
    assert not list(unmarked_templates.unmarked(tmp_path / "one.html"))
