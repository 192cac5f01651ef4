"""A choice among hundreds is the element that Django's own select writes, and is written sooner."""

import time

import pytest
from django import forms
from django.test.html import parse_html

from elonara.communities.models import Community
from elonara.members.time_zones import zone_names
from elonara.web.parts.fields import LongSelect

PLAIN = [("", "None"), ("Europe/Lisbon", "Europe/Lisbon"), ('"><script>', "<b>bold</b> & 'quoted'"), (7, "seven")]


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("value", [value for value, _ in PLAIN] + [None, "7", "unknown"])
def test_it_is_the_same_element(value, required):
    attributes = {"id": "id_zone", "required": required, "aria-describedby": 'a "b" <c>', "class": "input"}
    ours, plain = (kind(choices=PLAIN).render("zone", value, attributes) for kind in (LongSelect, forms.Select))
    assert parse_html(ours) == parse_html(plain)


@pytest.mark.django_db
def test_rows_can_be_chosen_among(alice):
    rows = [
        Community.objects.create(name=f"Choir <{number}>", slug=f"choir-{number}", created_by=alice)
        for number in range(3)
    ]
    elements = []
    for kind in (LongSelect, forms.Select):
        field = forms.ModelChoiceField(Community.objects.order_by("pk"), widget=kind, required=False, empty_label="No")
        form = type("Choosing", (forms.Form,), {"community": field})(initial={"community": rows[1]})
        elements.append(parse_html(str(form["community"])))
    assert elements[0] == elements[1]


def test_it_takes_a_fraction_of_the_time():
    choices = [(name, name) for name in zone_names()]

    def seconds(kind):
        widget, began = kind(choices=choices), time.process_time()
        for _ in range(3):
            widget.render("zone", "Europe/Lisbon")
        return time.process_time() - began

    assert min(seconds(LongSelect) for _ in range(3)) < min(seconds(forms.Select) for _ in range(3)) / 2
