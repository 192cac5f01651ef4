"""The page on which hosts write their questions to guests."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.events.guests import questions
from elonara.members.errors import Invalid
from elonara.web.events.views import managed_or_refused
from elonara.web.shortcuts import members_only, show_message, the_member

BLANK_ROWS = 3
KINDS = (
    ("text", gettext_noop("Text")),
    ("choice", gettext_noop("One of the answers below")),
    ("number", gettext_noop("A number")),
    ("yesno", gettext_noop("Yes or no")),
    ("children", gettext_noop("How many of those they bring are children")),
)
_COLUMNS = ("text", "kind", "options", "required")


@members_only
def ask(request: HttpRequest, slug: str) -> HttpResponse:
    """Read and change the questions."""
    event = managed_or_refused(request, slug)
    rows: list[dict[str, Any]] = []
    faults: dict[str, str] = {}
    if request.method == "POST":
        rows = _typed(request.POST)
        try:
            questions.ask(event, the_member(request), rows)
        except Invalid as fault:
            faults = fault.errors
        else:
            show_message(request, _("The questions are saved."))
            return redirect(f"/events/{slug}/manage?tab=guests")
    else:
        for row in questions.of_event(event):
            rows.append({"id": row.pk} | {name: getattr(row, name) for name in _COLUMNS})
    blank: dict[str, Any] = {"id": None, "text": "", "kind": "text", "options": [], "required": False}
    rows += [blank] * min(BLANK_ROWS, questions.MAX_QUESTIONS - len(rows))
    shown = [row | {"lines": "\n".join(row["options"])} for row in rows]
    kinds = [(kind, _(words)) for kind, words in KINDS]
    context = {"event": event, "rows": shown, "kinds": kinds, "faults": faults}
    return render(request, "events/ask.html", context, status=400 if faults else 200)


def _typed(form: QueryDict) -> list[dict[str, Any]]:
    """The rows of the form. One whose words were taken away is not asked any more."""
    rows = []
    for number in range(1, questions.MAX_QUESTIONS + BLANK_ROWS + 1):
        text, pk = form.get(f"text{number}", ""), form.get(f"id{number}", "")
        if text.strip():
            lines = form.get(f"options{number}", "").splitlines()
            rows.append(
                {
                    "id": int(pk) if pk.isascii() and pk.isdigit() and len(pk) < 19 else None,
                    "text": text,
                    "kind": form.get(f"kind{number}", ""),
                    "options": [line.strip() for line in lines if line.strip()],
                    "required": f"required{number}" in form,
                }
            )
    return rows
