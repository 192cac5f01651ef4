"""A page as the tests read it: where a template breaks its lines makes no difference."""

import re
from html import unescape
from typing import Any


def page_text(response: Any) -> str:
    """The HTML of a response: every run of white space as one space, and none beside a tag."""
    text = " ".join(response.content.decode().split())
    return re.sub(r"(?<=>) | (?=<|>)", "", text)


def shown(response: Any, form: str = "") -> dict[str, str]:
    """The fingerprint that a page's button sends back; with `form` of the form with this action."""
    page = response.content.decode()
    page = page.partition(f'action="{form}"')[2] if form else page
    found = re.search(r'name="shown"\s+value="([^"]*)"', page)
    return {"shown": unescape(found[1])} if found else {}
