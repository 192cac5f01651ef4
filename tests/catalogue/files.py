"""The catalogue's files: `locale/<language>/LC_MESSAGES/django.po` for people, `django.mo` for Django."""

import io
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from tests.catalogue.extract import SOURCES

HEADER = "# The sentences that people read in Elonara. Written by script/messages.\n#"
FOLDER = SOURCES / "locale"
NO_DATE = datetime(2000, 1, 1, tzinfo=UTC)


def path_of(language: str, ending: str, folder: Path = FOLDER) -> Path:
    """Where Django looks for it. `language`: as a folder is called, such as `pt_BR`."""
    return folder / language / "LC_MESSAGES" / f"django.{ending}"


def english(found: Catalog) -> Catalog:
    """The same with every translation filled in: the sentences are written in English."""
    whole = Catalog(locale="en", fuzzy=False, header_comment=HEADER)
    for message in found:
        if message.id:
            whole.add(message.id, message.id, locations=message.locations, context=message.context)
    return whole


def po(catalog: Catalog) -> bytes:
    """The text for people. It has no date, version or line, so it changes only where a sentence does."""
    plain = Catalog(locale=catalog.locale, fuzzy=False, header_comment=HEADER)
    for message in catalog:
        if message.id:
            places = sorted({(place, None) for place, _line in message.locations})
            plain.add(message.id, message.string, locations=places, context=message.context)
    written = io.BytesIO()
    write_po(written, plain, width=0, omit_header=True, include_lineno=False, sort_output=False)
    head = f'{HEADER}\nmsgid ""\nmsgstr ""\n"Language: {catalog.locale}\\n"\n' + "".join(
        f'"{name}: {value}\\n"\n'
        for name, value in (
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
            ("Plural-Forms", catalog.plural_forms),
        )
    )
    return head.encode() + b"\n" + written.getvalue()


def mo(text: bytes) -> bytes:
    """What Django reads, compiled from the text for people."""
    compiled, catalog = io.BytesIO(), read_po(io.BytesIO(text))
    catalog.creation_date = catalog.revision_date = NO_DATE  # written into the file
    write_mo(compiled, catalog)
    return compiled.getvalue()


def write(language: str, catalog: Catalog, folder: Path = FOLDER) -> None:
    """Both files of a language."""
    text = po(catalog)
    path_of(language, "po", folder).parent.mkdir(parents=True, exist_ok=True)
    path_of(language, "po", folder).write_bytes(text)
    path_of(language, "mo", folder).write_bytes(mo(text))
