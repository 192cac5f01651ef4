"""Which usernames may be taken, and usernames for people who come with a Bluesky handle and never typed one."""

import re
import secrets
import unicodedata
from collections.abc import Iterator

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.members.models import Member
from elonara.members.text import INVISIBLE

# Names that could be taken for the site's own staff.
RESERVED = frozenset(
    {
        "admin",
        "administrator",
        "api",
        "elonara",
        "help",
        "moderator",
        "official",
        "operator",
        "root",
        "security",
        "site",
        "staff",
        "support",
        "system",
    }
)
MAX_USERNAME_LENGTH = 60


def candidates(handle: str) -> Iterator[str]:
    """Endless usernames for a handle, the best first: `alice`, `alice-example-org`, `alice-2`, …"""
    handle = handle.strip().lstrip("@").lower()
    cleaned = re.sub(r"[^a-z0-9.-]+", "", handle).strip(".-")[:MAX_USERNAME_LENGTH]
    first = cleaned.split(".", maxsplit=1)[0]
    if not first or cleaned == "handle.invalid":
        while True:
            yield f"member-{secrets.token_hex(4)}"
    if len(first) > 1:
        yield first
    if cleaned != first:
        yield cleaned.replace(".", "-")  # nothing that looks like a handle: it may belong to somebody else one day
    for number in range(2, 100):
        yield f"{first}-{number}"
    while True:
        yield f"{first}-{secrets.token_hex(4)}"


def free_username(handle: str) -> str:
    """The first candidate that is not reserved and that nobody has, ignoring case."""
    for candidate in candidates(handle):
        if candidate not in RESERVED and not Member.objects.filter(username__iexact=candidate).exists():
            return candidate
    raise RuntimeError("unreachable: candidates() is endless")


LIKE_AN_ADDRESS = gettext_noop(
    "A username cannot look like a handle or an e-mail address: leave out @, and use no dot before a letter."
)
ONE_ALPHABET = gettext_noop("Use letters of one alphabet only, so that the username cannot be mistaken for another.")
LIKE_ANOTHER = gettext_noop("This username looks like another one. Choose another.")
# The scripts in use (UAX 31, table 5), by the first word of the letters' names; those that are written together.
_SCRIPT = re.compile(
    "LATIN|CYRILLIC|GREEK|ARMENIAN|GEORGIAN|HEBREW|ARABIC|THAANA|ETHIOPIC|DEVANAGARI|BENGALI|GURMUKHI|GUJARATI|ORIYA|"
    "TAMIL|TELUGU|KANNADA|MALAYALAM|SINHALA|THAI|LAO|TIBETAN|MYANMAR|KHMER|HANGUL|HIRAGANA|KATAKANA|"
    "KATAKANA-HIRAGANA|CJK|BOPOMOFO"
)
_TOGETHER = (
    frozenset({"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}),
    frozenset({"CJK", "HANGUL"}),
    frozenset({"CJK", "BOPOMOFO"}),
)
# Letters of other scripts that read like Latin ones (UTS 39): a name of these alone could be taken for a Latin name.
_READ_AS_LATIN = frozenset("авсеԁһіјкӏмоԛрѕтѵхуүԝАВСЕԌНІЈКМОРԚЅТѴХУҮԜαβγικνορστυχωηΑΒΕΖΗΙΚΜΝΟΡΤΥΧաեգհիլոսցօքյՕՍԼ")
_PHONETIC = re.compile("[\u01c0-\u01c3\u0250-\u02af\u1d00-\u1dbf\u2c60-\u2c7f\ua720-\ua7ff\uab30-\uab6f]")
_AS_LATIN = ({"ı": "i", "0": "o", "1": "l"}, {"ı": "i", "0": "o", "1": "i"})


def refusal(username: str) -> str:
    """Why nobody may take this username now, or "". Who has such a name from before keeps it, and signs in with it."""
    plain = unicodedata.normalize("NFKC", username)
    if "@" in plain or re.search(r"[.\u3002][^\W\d_]", plain):
        return _(LIKE_AN_ADDRESS)
    if plain != username or not _is_of_one_script(plain):
        return _(ONE_ALPHABET)
    likes = {_read_as(plain, letters) for letters in _AS_LATIN}
    taken = Q()
    for like in likes - {plain.lower()}:
        taken |= Q(username__iexact=like)
    if any(_without_accents(like) in RESERVED for like in likes) or (taken and Member.objects.filter(taken).exists()):
        return _(LIKE_ANOTHER)
    return ""


def _is_of_one_script(text: str) -> bool:
    letters = [char for char in text if not (char.isascii() and not char.isalpha())]
    if INVISIBLE.search(text) or _PHONETIC.search(text) or not all(char.isalpha() for char in letters):
        return False
    scripts = {unicodedata.name(char, "UNKNOWN").split()[0] for char in letters}
    if len(scripts) > 1 and not any(scripts <= group for group in _TOGETHER):
        return False
    reads_as_latin = bool(letters) and all(char in _READ_AS_LATIN for char in letters)
    return all(_SCRIPT.fullmatch(script) for script in scripts) and not reads_as_latin


def _read_as(text: str, letters: dict[str, str]) -> str:
    return "".join(letters.get(char, char) for char in text.lower())


def _without_accents(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))
