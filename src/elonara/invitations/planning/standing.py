"""Which posts about a target are on Bluesky, and whether what they tell still holds.

A post keeps the facts that it tells (`Post.facts`, in the words of `Target.facts`), and they are compared with those of
now: a change that a post does not tell makes it no less true, and a change that is taken back makes it true again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db.models import Count, Q
from django.db.models.fields.json import KT
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from elonara.compiled_queries import CompiledQuery
from elonara.invitations.models import State
from elonara.invitations.targets import Target
from elonara.invitations.transitions import MODELS, Deliverable

PRIVATE = "private"  # what is wrong with a post that names what has become private since
_TITLE, _DESCRIPTION = KT("record__embed__external__title"), KT("record__embed__external__description")
_MAY_STAND = Q(state__in=(State.SENT, State.SENDING)) | Q(
    state__in=(State.QUEUED, State.WAITING, State.FAILED), ambiguous=True
)


def _numbers(model: type[Deliverable], kind: str, of: Any) -> Any:
    rows = model._default_manager.filter(_MAY_STAND, **{kind: of}).order_by()
    return rows.values(kind).annotate(number=Count("pk")).values_list("number", flat=True)


# Every answer of the API about an event or a community says the number, whether or not anything was posted.
_NUMBERS = {
    (model, kind): CompiledQuery(partial(_numbers, model, kind)) for model in MODELS for kind in ("event", "community")
}


def number_of(target: Target) -> dict[type[Deliverable], int]:
    """How many posts about a target are on Bluesky, or may be, by kind."""
    return {model: _NUMBERS[model, target.kind].first(of=target.of.pk) or 0 for model in MODELS}


def standing(target: Target) -> list[Deliverable]:
    """The posts about a target that are on Bluesky or may be, with their hosts. Pages that only count use `told`."""
    found: list[Deliverable] = []
    for model in MODELS:
        rows = model._default_manager.filter(_MAY_STAND, **target.only).select_related("host__bluesky")
        found += rows.order_by("created_at", "rkey")
    return found


@dataclass(frozen=True)
class Told:
    """Posts of one host, of one kind, that tell the same of a target: how many, and what of it is no longer true."""

    model: type[Deliverable]
    host_id: int
    number: int
    wrong: frozenset[str]  # as `no_longer_true` names it
    names_target: bool


def told(target: Target, *, certain: bool = True) -> list[Told]:
    """What the posts tell that are on Bluesky, or (not `certain`) may be: two queries a kind, however many they are."""
    return [one for model in MODELS for one in told_by(model, target, certain=certain)]


def told_by(model: type[Deliverable], target: Target, *, certain: bool = True) -> Iterator[Told]:
    """`told` of one kind."""
    # The condition is no filter: SQLite would look through the posts of the whole site that are in that state.
    number = Count("pk", filter=Q(state=State.SENT) if certain else _MAY_STAND)
    rows = model._default_manager.filter(**target.only).order_by()
    groups = list(rows.filter(facts__isnull=False).values_list("host_id", "facts").annotate(number=number))
    cards = rows.filter(facts__isnull=True).values_list("host_id", _TITLE, _DESCRIPTION).annotate(number=number)
    for host_id, title, description, count in cards:
        card = {} if title is None else {"title": title, "description": description or ""}
        groups.append((host_id, _facts_in({"embed": {"external": card}}, target), count))
    for host_id, facts, count in groups:
        if count:
            yield Told(model, host_id, count, _wrong_in(facts, target), PRIVATE not in facts)


def no_longer_true(row: Deliverable, target: Target) -> frozenset[str]:
    """Which facts the post tells otherwise than they are: title, when, place, link; or `PRIVATE`. Empty: all is true.

    A post that only says "a private event" names nothing, and so nothing in it can become wrong.
    """
    return _wrong_in(_told(row, target), target)


def _wrong_in(told: dict[str, str], target: Target) -> frozenset[str]:
    if PRIVATE in told:
        return frozenset()
    if target.is_private:
        return frozenset({PRIVATE})
    wrong = {name for name, value in target.facts.items() if told.get(name, value) != value}
    return frozenset("when" if name == "starts" else name for name in wrong)


def differs(told: dict[str, str] | None, target: Target) -> bool:
    """Whether these facts, as a post told them, are not those of now. A fact that is not among them does not count."""
    return told is None or bool(_wrong_in(told, target))


def changed_since(told: Mapping[str, str], target: Target) -> frozenset[str]:
    """Which of the facts that were told then are other ones now: title, when, place, link; or `PRIVATE`."""
    return _wrong_in(dict(told), target)


def old_in_words(row: Deliverable, target: Target) -> str:
    """What the post shows that is not true any more: "the old time and place". "" for nothing."""
    facts = no_longer_true(row, target) - {PRIVATE}
    if not target.facts.get("place"):  # hidden since: the one that the post shows is as right as before
        facts -= {"place"}
    return in_words(facts, target.kind) if facts else ""


def in_words(facts: Collection[str], kind: str) -> str:
    """What posts show that is not true any more: "the old time and place"."""
    return _("the old {facts}").format(facts=listed_facts(facts, kind))


def listed_facts(facts: Collection[str], kind: str) -> str:
    """The names of facts: "time and place"."""
    title = pgettext("what has changed", "title") if kind == "event" else pgettext("what has changed", "name")
    names = {
        "title": title,
        "when": pgettext("what has changed", "time"),
        "place": pgettext("what has changed", "place"),
        "link": pgettext("what has changed", "link"),
    }
    return get_text_list([name for fact, name in names.items() if fact in facts], _("and"))


def _told(row: Deliverable, target: Target) -> dict[str, str]:
    return row.facts if row.facts is not None else _facts_in(row.record, target)


def _facts_in(record: dict[str, Any], target: Target) -> dict[str, str]:
    """The facts of a post that an earlier release wrote, read from its card.

    Its description begins with the time and the place, as far as they go into it; what is not found there is taken to
    be another one.
    """
    card = record.get("embed", {}).get("external", {})
    title, description = card.get("title", ""), card.get("description", "")
    if not card or title == f"A private {target.kind}":
        return {PRIVATE: target.kind}
    if target.is_private:
        return {"title": title}
    now = target.facts
    told = {"title": title, "link": now["link"]}
    begins = now["when"]
    told["when"] = begins if description.startswith(begins) else ""
    if now["place"] and description != target.card().description:
        rest = description.partition(" · ")[2]
        whole = rest.startswith(now["place"]) or (now["place"].startswith(rest.rstrip("…")) and rest.endswith("…"))
        told["place"] = now["place"] if whole else ""
    return told
