"""A page as the tests read it: where a template breaks its lines makes no difference."""

import re
from typing import Any


def page_text(response: Any) -> str:
    """The HTML of a response: every run of white space as one space, and none beside a tag."""
    text = " ".join(response.content.decode().split())
    return re.sub(r"(?<=>) | (?=<|>)", "", text)
