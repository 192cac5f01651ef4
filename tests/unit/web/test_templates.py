"""What holds for each template, whether or not a test opens its page."""

from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import get_template

FOLDER = Path(settings.TEMPLATES[0]["DIRS"][0])
NAMES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.*"))


@pytest.mark.parametrize("name", NAMES)
def test_compiles(name):
    get_template(name)


def test_no_line_is_too_long_to_edit():
    """Letters (`.txt`) are left out: a line break there is one in the letter."""
    pages = {name: (FOLDER / name).read_text() for name in NAMES if name.endswith(".html")}
    long = [
        f"{name}:{number}"
        for name, page in pages.items()
        for number, line in enumerate(page.splitlines(), 1)
        if len(line) > 120
    ]
    assert len(pages) > 100
    assert not long
