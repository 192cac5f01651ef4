"""What our posts say, as the person says it whose account posts: each variant is a whole sentence, to be translated.

`by` is the host in a post of the relay, "" in her own: there she speaks herself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from django.utils.translation import gettext as _

from elonara.invitations.targets import Target


def announcement(target: Target, title: str, by: str) -> str:
    """The text of an announcement before its link."""
    when = target.when_there()
    if target.kind == "event":
        said = (
            _("{host} is inviting people to {title}, {when}.") if by else _("I'm inviting people to {title}, {when}.")
        )
    else:
        said = _("{host} is inviting people to join {title}.") if by else _("I'm inviting people to join {title}.")
    return f"{said.format(host=by, title=title, when=when)}\n{_('The invitations are in the replies.')}\n"


def invites(target: Target, title: str, by: str) -> str:
    """The text of an invitation between mention and link, where the host gives no sentence of her own."""
    if target.is_private:
        return _invites_privately(target, by)
    if target.kind == "event":
        said = _("{host} invites you to {title}, {when}") if by else _("I'd love you to come to {title}, {when}")
    else:
        said = _("{host} invites you to join {title}") if by else _("I'd love you to join {title}")
    return said.format(host=by, title=title, when=target.when_there())


def quotes(sentence: str, by: str) -> str:
    """The same where she gives one: the site's own account says whose words they are."""
    return _("{host} writes: {sentence}").format(host=by, sentence=sentence) if by else sentence


def update(target: Target, title: str, place: str, changed: Collection[str], by: str) -> str:
    """The text of an update before its link. `place` is the new one, where there is room for it."""
    return "\n".join(_lines(target, title, place, changed, by))


def _invites_privately(target: Target, by: str) -> str:
    if target.kind == "event":
        said = _("{host} invites you to a private event") if by else _("I'd like to invite you to a private event")
    elif by:
        said = _("{host} invites you to a private community")
    else:
        said = _("I'd like to invite you to a private community")
    return said.format(host=by)


def _lines(target: Target, title: str, place: str, changed: Collection[str], by: str) -> Iterator[str]:
    if "title" not in changed:
        said = _("Update: {title}, by {host}") if by else _("Update: {title}")
    elif target.kind == "event":
        said = _("Update: {title} (new title), by {host}") if by else _("Update: {title} (new title)")
    else:
        said = _("Update: {title} (new name), by {host}") if by else _("Update: {title} (new name)")
    yield said.format(title=title, host=by)
    if "when" in changed:
        yield _("New time: {when}").format(when=target.when_there())
    if "place" in changed and not target.facts["place"]:
        yield _("The place is not decided yet.")
    elif "place" in changed and place:
        yield _("New place: {place}").format(place=place)
    yield f"{_('New link:')} " if "link" in changed else ""
