"""Markdown in descriptions: as safe HTML for pages, and as plain text for cards, e-mails and calendars.

CommonMark (https://spec.commonmark.org/0.31.2/) without HTML. A picture becomes a link: from another host it would
tell that host who reads the page. A line break is a line break, and a bare address is a link, as people expect who have
never heard of Markdown. Links say `nofollow ugc`, so that nobody gains from putting them here.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from functools import cache, lru_cache, partial
from html import escape
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from django.utils.safestring import SafeString, mark_safe

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

CACHED_TEXTS: Final = 128  # the rendering of each costs about a millisecond
ALLOWED_TAGS: Final = frozenset(
    {"p", "br", "hr", "strong", "em", "s", "a", "ul", "ol", "li", "blockquote", "code", "pre", "h3", "h4", "h5", "h6"}
)
ALLOWED_ATTRIBUTES: Final = {"a": {"href"}, "ol": {"start"}, "*": set[str]()}
LINK_SCHEMES: Final = frozenset({"http", "https", "mailto"})
_SIGN_IN: Final = ("auth/", "accounts/")
# The page has an h1, and an h2 above the description.
_DEEPER: Final = {"h1": "h3", "h2": "h4", "h3": "h5", "h4": "h6", "h5": "h6", "h6": "h6"}


@lru_cache(maxsize=CACHED_TEXTS)
def html_of(text: str, own_host: str = "") -> SafeString:
    """The description as HTML that can stand in a page. `own_host`: the host name of this site."""
    import nh3  # noqa: PLC0415 - loaded with the first description

    parser = _parser()
    tokens = parser.parse(text)
    for token in tokens:
        token.tag = _DEEPER.get(token.tag, token.tag)
    rendered = parser.renderer.render(tokens, parser.options, {})
    clean = nh3.clean(
        rendered,
        tags=set(ALLOWED_TAGS),
        attributes=ALLOWED_ATTRIBUTES,
        url_schemes=set(LINK_SCHEMES),
        attribute_filter=partial(_harmless, own_host),
        link_rel="nofollow ugc noopener noreferrer",
    )
    return mark_safe(clean)  # noqa: S308 - the sanitizer's output


def _harmless(own_host: str, tag: str, attribute: str, value: str) -> str | None:
    """The value; None for an address here that begins a sign-in: a click in a stranger's words must not start one."""
    if (tag, attribute) != ("a", "href"):
        return value
    try:
        address = urlsplit(value)
        host = address.hostname
    except ValueError:  # no address that a browser would open
        return None
    if host and host != own_host:
        return value
    path = posixpath.normpath(unquote(address.path).replace("\\", "/")).lstrip("/")
    return None if path.startswith(_SIGN_IN) else value


@lru_cache(maxsize=CACHED_TEXTS)
def plain_of(text: str) -> str:
    """The description as plain text: without marks, with the addresses of links behind their words."""
    lines: list[str] = []
    numbers: list[int | None] = []  # the next number of each list around this place, None for bullets
    for token in _parser().parse(text):
        match token.type:
            case "ordered_list_open":
                numbers.append(int(token.attrs.get("start", 1)))
            case "bullet_list_open":
                numbers.append(None)
            case "ordered_list_close" | "bullet_list_close":
                numbers.pop()
            case "list_item_open":
                number = numbers[-1]
                lines.append("  " * (len(numbers) - 1) + ("- " if number is None else f"{number}. "))
                numbers[-1] = None if number is None else number + 1
            case "inline":
                _add(lines, _inline(token.children or []), in_list=bool(numbers))
            case "fence" | "code_block":
                _add(lines, token.content.rstrip("\n"), in_list=bool(numbers))
            case "hr":
                lines.append("")
    return "\n".join(line.rstrip() for line in lines).strip()


def _add(lines: list[str], text: str, *, in_list: bool) -> None:
    if lines and lines[-1].endswith(("- ", ". ")) and in_list:
        lines[-1] += text  # an item that has just begun
    else:
        lines += ["", text] if lines and not in_list else [text]


def _inline(tokens: list[Token]) -> str:
    parts: list[str] = []
    link, begun = "", 0
    for token in tokens:
        if token.type == "image":
            parts.append(f"{token.content} ({token.attrs.get('src', '')})".lstrip())
        elif token.type in {"softbreak", "hardbreak"}:
            parts.append("\n")
        elif token.type == "link_open":
            link, begun = str(token.attrs.get("href", "")), len(parts)
        elif token.type == "link_close":
            words = "".join(parts[begun:])
            shown = link.removeprefix("mailto:")
            if shown.rstrip("/") not in {
                words.rstrip("/"),
                f"http://{words}".rstrip("/"),
                f"https://{words}".rstrip("/"),
            }:
                parts.append(f" ({shown})")
        else:
            parts.append(token.content)
    return "".join(parts)


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # noqa: PLC0415 - loaded with the first description

    parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "linkify": True})
    parser.enable(["linkify", "strikethrough"]).disable(["html_block", "html_inline"])
    parser.add_render_rule("image", _picture)
    return parser


def _picture(_: Any, tokens: Sequence[Token], index: int, *__: Any) -> str:
    """A picture of another host as a link to it, with its words."""
    token, before = tokens[index], tokens[:index]
    if sum(one.type == "link_open" for one in before) > sum(one.type == "link_close" for one in before):
        return escape(token.content)  # a link has no other inside
    address = str(token.attrs.get("src", ""))
    return f'<a href="{escape(address)}">{escape(token.content or address)}</a>'
