"""The catalogue's files hold what the sources say, and the language of the tests keeps every field."""

import re

import pytest
from babel.messages.pofile import read_po
from tests.catalogue import extract, files, pseudo

FIELDS = re.compile(r"%\(\w+\)[sd]|\{\w*\}|<[^<>]+>")
BEHIND = "the catalogue is behind the sources: run script/messages"


@pytest.fixture(scope="module")
def found():
    return extract.catalogue()


def test_the_files_are_what_the_sources_say(found):
    text = files.path_of("en", "po").read_bytes()
    assert text == files.po(files.english(found)), BEHIND
    assert files.path_of("en", "mo").read_bytes() == files.mo(text), BEHIND


def test_english_is_complete(found):
    with files.path_of("en", "po").open("rb") as text:
        stored = read_po(text, locale="en")
    assert len(stored) == len(found) > 1000
    for message in stored:
        said = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(said), message.id


@pytest.mark.parametrize("language", sorted(path.parents[1].name for path in files.FOLDER.glob("*/*/django.po")))
def test_a_translation_has_the_fields_of_its_sentence(language):
    with files.path_of(language, "po").open("rb") as text:
        for message in filter(lambda message: message.id, read_po(text, locale=language)):
            one = message.id if isinstance(message.id, tuple) else (message.id,)
            said = message.string if isinstance(message.string, tuple) else (message.string,)
            wanted = {field for each in one for field in FIELDS.findall(each)}
            assert all(set(FIELDS.findall(each)) <= wanted for each in said), message.id


def test_the_language_of_the_tests_is_longer_and_keeps_what_is_no_word(found):
    for message in found:
        for one in message.id if isinstance(message.id, tuple) else (message.id,):
            said = pseudo.pseudo(one)
            assert FIELDS.findall(said) == FIELDS.findall(one)
            assert said.count("\n") == one.count("\n")
            assert len(said) >= len(one)


@pytest.mark.parametrize(
    ("source", "messages"),
    [
        ('{% load i18n %}{% translate "Save" %}', ["Save"]),
        ('{% load i18n %}{% include "a.html" with label=_("Show it") %}', ["Show it"]),
        ("{% load i18n %}{% blocktranslate trimmed with name=a.b %}\n  Hosted by {{ name }}\n{% endblocktranslate %}",
         ["Hosted by %(name)s"]),
        ("{% load i18n %}{% blocktranslate count n=a %}{{ n }} post{% plural %}{{ n }} posts{% endblocktranslate %}",
         [("%(n)s post", "%(n)s posts")]),
    ],
)  # fmt: skip
def test_what_a_template_marks_is_found(tmp_path, source, messages):
    template = tmp_path / "one.html"
    template.write_text(source)
    assert [message for message, _ in extract.messages(template)] == messages
