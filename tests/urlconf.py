"""Every address of the site: the patterns of the URLconf, allauth's and the operator's among them, with examples."""

import re
from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver

# What stands for the parts of a path that name something.
EXAMPLES = {"slug": "picnic", "uuid": "00000000-0000-4000-8000-000000000000", "int": "1", "str": "x", "path": "x"}


def patterns(resolver: URLResolver | None = None, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Each pattern of the site, with its whole path as Django writes it."""
    for one in (resolver or get_resolver()).url_patterns:
        path = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from patterns(one, path)
        else:
            yield path, one


def example(path: str) -> str:
    """An address that such a path matches."""
    path = re.sub(r"(?<!\?P)<(?:(\w+):)?\w+>", lambda found: EXAMPLES[found[1] or "str"], path)
    # Regular expressions: a named group, then what marks begin, end and dots.
    path = re.sub(r"\(\?P<\w+>(?:[^()]|\([^()]*\))*\)", "x-y", path)
    return "/" + re.sub(r"\\(?=\.)|[$^?]|\\Z", "", path)


def examples() -> list[str]:
    """An address for each pattern, each once."""
    return sorted({example(path) for path, _ in patterns()})
