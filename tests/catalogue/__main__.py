"""Writes the English catalogue, and compiles every language's that there is."""

from babel.messages.pofile import read_po
from tests.catalogue import files
from tests.catalogue.extract import catalogue


def main() -> None:
    """What `script/messages` does."""
    found = catalogue()
    files.write("en", files.english(found))
    for path in sorted(files.FOLDER.glob("*/LC_MESSAGES/django.po")):
        language = path.parent.parent.name
        if language != "en":
            with path.open("rb") as text:
                translated = read_po(text, locale=language)
            translated.update(found, no_fuzzy_matching=True)
            files.write(language, translated)
    print(f"{len(found)} messages")


if __name__ == "__main__":
    main()
