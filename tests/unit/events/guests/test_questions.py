"""Questions to guests: asked, answered in the same press, changed when answers exist."""

import csv
import io

import pytest

from elonara.events.guests import adoption, export, questions, rsvps
from elonara.events.models import GivenAnswer, Question, Rsvp
from elonara.members.errors import Invalid, NotAllowed


@pytest.fixture
def asking(make_event, alice):
    """`asking(…)` makes an event with these questions."""

    def make(*wanted, **fields):
        event = make_event(plus_ones_allowed=3, **fields)
        questions.ask(event, alice, [{"kind": "text"} | each for each in wanted])
        return event

    return make


def answer(event, said=None, who="a", choice="going", plus_ones=0):
    ids = {row.text: str(row.pk) for row in questions.of_event(event)}
    answers = {ids[text]: value for text, value in (said or {}).items()}
    return rsvps.respond(event, choice=choice, did=f"did:plc:{who}", invited=True, plus_ones=plus_ones, answers=answers)


def said(row):
    return dict(GivenAnswer.objects.filter(rsvp=row).values_list("question__text", "value"))


def test_answers_come_with_the_answer_and_change_one_by_one(asking):
    event = asking({"text": "Diet?"}, {"text": "Car?", "kind": "yesno"})
    row = answer(event, {"Diet?": " Vegan ", "Car?": "yes"})
    assert said(row) == {"Diet?": "Vegan", "Car?": "yes"}
    answer(event, {"Car?": "no"})
    assert said(row) == {"Diet?": "Vegan", "Car?": "no"}
    answer(event, {"Diet?": ""})
    assert said(row) == {"Car?": "no"}
    answer(event, {"Car?": "yes"}, choice="cant")
    assert said(row) == {"Car?": "no"}


@pytest.mark.parametrize(("question", "good", "bad"), [
    ({"kind": "text"}, ["x" * 500], ["x" * 501]),
    ({"kind": "choice", "options": ["Tea", "Coffee"]}, ["Tea"], ["tea", "Milk"]),
    ({"kind": "number"}, ["0", "1000"], ["-1", "1001", "x", "1.5", "9" * 5000, "٣"]),
    ({"kind": "yesno"}, ["yes", "no"], ["maybe"]),
    ({"kind": "children"}, ["0", "2"], ["3", "-1"]),
])  # fmt: skip
def test_each_kind_takes_what_fits(asking, question, good, bad):
    event = asking({"text": "Q?"} | question)
    for value in good:
        assert said(answer(event, {"Q?": value}, plus_ones=2)) == {"Q?": value}
    for value in bad:
        with pytest.raises(Invalid, match=r"^Q\?"):
            answer(event, {"Q?": value}, plus_ones=2)
    assert said(Rsvp.objects.get()) == {"Q?": good[-1]}


def test_a_required_one_is_answered_to_come_alone(asking):
    event = asking({"text": "Diet?", "required": True})
    for given in (None, {"Diet?": " "}):
        with pytest.raises(Invalid, match=r"Diet\? Please answer"):
            answer(event, given)
    assert not Rsvp.objects.exists()
    assert answer(event, None, choice="maybe").choice == "maybe"
    assert answer(event, {"Diet?": "Vegan"}).choice == "going"
    assert answer(event).choice == "going"
    with pytest.raises(Invalid):
        answer(event, {"Diet?": ""})


def test_who_comes_already_is_not_held_up_by_a_new_question(asking, alice):
    event = asking()
    answer(event)
    questions.ask(event, alice, [{"text": "Diet?", "required": True}])
    assert answer(event, plus_ones=1).plus_ones == 1
    with pytest.raises(Invalid):
        answer(event, who="b")


def test_fewer_people_are_fewer_children(asking):
    event = asking({"text": "Children?", "kind": "children"})
    row = answer(event, {"Children?": "2"}, plus_ones=2)
    answer(event, plus_ones=1)
    assert said(row) == {"Children?": "1"}


def test_an_answered_question_is_never_changed_under_its_answers(asking, alice):
    event = asking({"text": "Do you eat meat?", "kind": "yesno"}, {"text": "Car?"})
    row = answer(event, {"Do you eat meat?": "yes"})
    first, second = questions.of_event(event)
    questions.ask(event, alice, [
        {"id": second.pk, "text": "Do you come by car?", "kind": "yesno", "required": True},
        {"id": first.pk, "text": "Are you vegetarian?", "kind": "yesno"},
    ])  # fmt: skip
    now = questions.of_event(event)
    assert [each.text for each in now] == ["Do you come by car?", "Are you vegetarian?"]
    assert now[0].pk == second.pk  # nobody had answered it
    assert said(row) == {"Do you eat meat?": "yes"}
    assert [each.text for each in questions.answered(event)][-1] == "Do you eat meat?"
    answer(event, {"Do you come by car?": "no", "Are you vegetarian?": "yes"})
    questions.ask(event, alice, [{"id": now[1].pk, "text": "Are you vegetarian?", "kind": "yesno", "required": True}])
    (kept,) = questions.of_event(event)
    assert (kept.pk, kept.required) == (now[1].pk, True)
    assert len(said(row)) == 3
    questions.ask(event, alice, [])
    assert questions.of_event(event) == []
    assert len(said(row)) == 3


def test_an_answer_to_a_question_that_is_not_asked_is_left_out(asking, make_event, alice):
    event, other = asking({"text": "Diet?"}), make_event()
    questions.ask(other, alice, [{"text": "Else?"}])
    foreign = questions.of_event(other)[0]
    given = {str(foreign.pk): "x", "nonsense": "y", "": "z"}
    row = rsvps.respond(event, choice="going", did="did:plc:a", invited=True, answers=given)
    assert said(row) == {}


@pytest.mark.parametrize(("wanted", "sentence"), [
    ([{"text": ""}], "Question 1: Enter the question"),
    ([{"text": "x" * 201}], "Question 1"),
    ([{"text": "Q?", "kind": "essay"}], "Choose what"),
    ([{"text": "Q?", "kind": "choice", "options": ["a"]}], "2 to 20 different"),
    ([{"text": "Q?", "kind": "choice", "options": ["a", "a"]}], "2 to 20 different"),
    ([{"text": "Q?", "kind": "choice", "options": ["a", "b" * 101]}], "up to 100"),
    ([{"text": "Q?", "kind": "children"}] * 2, "children once"),
    ([{"text": "Q?"}] * 11, "at most 10"),
])  # fmt: skip
def test_questions_that_make_no_sense_are_refused(picnic, alice, wanted, sentence):
    with pytest.raises(Invalid, match=sentence):
        questions.ask(picnic, alice, wanted)
    assert not Question.objects.exists()


def test_hosts_alone_ask_and_export(picnic, make_member):
    mallory = make_member("mallory")
    with pytest.raises(NotAllowed):
        questions.ask(picnic, mallory, [])
    with pytest.raises(NotAllowed):
        export.guests_csv(picnic, mallory)


def test_the_export_is_a_table_that_computes_nothing(asking, alice):
    event = asking({"text": "=Diet?"}, {"text": "Children?", "kind": "children"})
    row = answer(event, {"=Diet?": '=HYPERLINK("x")', "Children?": "1"}, plus_ones=2)
    Rsvp.objects.filter(pk=row.pk).update(name="-Änne", note="@note\nmore", handle="a.example")
    answer(event, who="b", choice="cant")
    text = export.guests_csv(event, alice)
    assert text.startswith("\ufeff")
    table = list(csv.reader(io.StringIO(text[1:])))
    assert table[0] == ["Name", "Bluesky", "Answer", "People", "Online", "Note", "'=Diet?", "Children?"]
    assert table[1] == ["'-Änne", "a.example", "going", "3", "no", "'@note\nmore", '\'=HYPERLINK("x")', "1"]
    assert table[2][2:4] == ["cant", "0"]


def test_two_answers_of_one_person_keep_the_later_words(asking, make_member):
    event, bob = asking({"text": "Diet?"}, {"text": "Car?"}), make_member("bob")
    ids = {row.text: str(row.pk) for row in questions.of_event(event)}
    rsvps.respond(event, choice="going", member=bob, answers={ids["Diet?"]: "Meat", ids["Car?"]: "No"})
    answer(event, {"Diet?": "Vegan"}, who="bob")
    adoption.adopt(bob, "did:plc:bob")
    assert said(Rsvp.objects.get()) == {"Diet?": "Vegan", "Car?": "No"}
