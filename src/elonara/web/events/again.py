"""Doing an event again: the form of a new one, filled with everything of an earlier one but its day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from elonara.communities import queries as communities
from elonara.events import again as actions
from elonara.events.guests import questions
from elonara.events.models import Event
from elonara.members.daily_limits import require_room
from elonara.members.errors import Invalid, LimitReached
from elonara.members.models import Creation, Member
from elonara.web.events import form_preview
from elonara.web.events.forms import EventForm
from elonara.web.events.views import managed_or_refused
from elonara.web.shortcuts import add_form_errors, members_only, show_message, the_member


class AgainForm(EventForm):
    """The form of an event that is done again."""

    same_picture = forms.BooleanField(label=gettext_lazy("Use this picture again"), required=False, initial=True)

    def __init__(self, *args: Any, of: Event, host: Member, **kwargs: Any) -> None:
        start = actions.next_start(of, host).replace(tzinfo=None)
        fields = actions.fields_of(of, host, start)
        initial = EventForm.initial_of(of) | {name: fields[name] for name in _CHOSEN_ANEW}
        if of.all_day:  # the form has the last day itself
            initial["ends_at"] -= timedelta(days=1)
        choices = communities.communities_for_events(host)
        super().__init__(*args, initial=initial, communities=choices, cover_shift=actions.cover_shift(of), **kwargs)
        if not of.picture:
            del self.fields["same_picture"]


# What is not simply that of the earlier event.
_CHOSEN_ANEW = ("starts_at", "ends_at", "answers_until", "replies_to_host", "community")


@members_only
def again(request: HttpRequest, slug: str) -> HttpResponse:
    """GET shows the form; POST makes the new event."""
    event, member = managed_or_refused(request, slug), the_member(request)
    actions.require_repeatable(event, member)
    if request.method != "POST":
        require_room(member, Creation.Kind.EVENT)
    form = AgainForm(request.POST or None, request.FILES or None, of=event, host=member)
    if form_preview.is_asked(request):
        return form_preview.respond(request, form, event)
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.create(member, of=event, **form.values())
        except (Invalid, LimitReached) as fault:
            add_form_errors(form, fault.errors)
        else:
            show_message(request, _("Your event is ready. Next, invite people."))
            return redirect(f"/events/{made.slug}/manage?tab=invite")
    context = {"form": form, "event": event, "again": True, "asked": len(questions.of_event(event))}
    context |= {"heading": _("Copy to a new date"), "button": _("Create the event")}
    return render(request, "events/form.html", context)
