"""The hunt: the real secrets, everything that could show one, and the search of the second for the first."""

from __future__ import annotations

import base64
import html
import json
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

SHORTEST = 8  # a shorter value would be found by chance
WINDOW = 40  # of long values every such part is searched for: pages of a database and lines of a log cut them


@dataclass(frozen=True)
class Leak:
    """Where a secret showed. Names only: a failing test must not print what it found."""

    secret: str
    channel: str
    spelling: str


@dataclass
class Hunt:
    """What is secret, by name; what was said, by channel; and which secret belongs into which channel."""

    secrets: dict[str, str] = field(default_factory=dict, repr=False)  # value → name
    said: list[tuple[str, bytes]] = field(default_factory=list, repr=False)
    meant: set[tuple[str, str]] = field(default_factory=set, repr=False)  # value, channel

    def keep(self, name, value, *, meant_for=""):
        """Note a secret as it passes. `meant_for` is the one channel that exists to carry it."""
        if isinstance(value, str) and len(value) >= SHORTEST:
            # What it is for says more than where it is sealed.
            if self.secrets.get(value, "sealed").startswith("sealed"):
                self.secrets[value] = name
            if meant_for:
                self.meant.add((value, meant_for))

    def hear(self, channel, text):
        """Note something that could show a secret."""
        self.said.append((channel, text if isinstance(text, bytes) else str(text).encode("utf-8", "replace")))

    def names(self):
        """What kinds of secrets have passed."""
        return set(self.secrets.values())

    def channels(self):
        """Which channels have said anything, without what comes after a colon."""
        return {channel.partition(":")[0] for channel, _ in self.said}

    def leaks(self):
        """Every secret in every channel in every spelling."""
        heaps = {}
        for channel, text in self.said:
            heaps.setdefault(channel, []).append(text)
        joined = {channel: b"\n".join(dict.fromkeys(texts)) for channel, texts in heaps.items()}
        found = set()
        for value, name in self.secrets.items():
            patterns = [(how, pattern) for part in parts(value) for how, pattern in spellings(part)]
            for channel, text in joined.items():
                if (value, channel) not in self.meant:
                    found |= {Leak(name, channel, how) for how, pattern in patterns if pattern in text}
        return found


def parts(value):
    """The value, and the parts of a long one that cannot be in another."""
    if len(value) <= 2 * WINDOW:
        return [value]
    # All tokens of one issuer begin alike; the signature of a JWT is its own.
    own = value.rpartition(".")[2] if value.count(".") == 2 else value
    windows = [own[start : start + WINDOW] for start in range(0, len(own) - WINDOW + 1, WINDOW)]
    return [value, *windows, own[-WINDOW:]]


def spellings(value):
    """How a value may be written: as it is, escaped, encoded; base64 also where it stands inside of something."""
    raw = value.encode()
    texts = {
        "raw": value,
        "JSON": json.dumps(value)[1:-1],
        "JSON in JSON": json.dumps(json.dumps(value))[3:-3],
        "repr": repr(value)[1:-1],
        "HTML": html.escape(value),
        "URL": quote(value, safe=""),
        "URL form": quote_plus(value),
        "URL twice": quote(quote(value, safe=""), safe=""),
        "hex": raw.hex(),
        "HEX": raw.hex().upper(),
    }
    found = {text.encode(): how for how, text in reversed(texts.items())}
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        # Only what the value alone decides: not the characters it shares with its neighbours.
        inner = encoded[(0, 2, 3)[shift] : -1 if (shift + len(raw)) % 3 else None]
        found[inner.encode()] = "base64"
        found.setdefault(inner.replace("+", "-").replace("/", "_").encode(), "base64url")
    return [(how, pattern) for pattern, how in found.items()]
