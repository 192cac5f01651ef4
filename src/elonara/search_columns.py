"""Columns that the site's own searches look at: the folded text of other columns of the same row.

`folding` makes names and what somebody types comparable in every alphabet. A database cannot do that by itself, so the
folded text is stored: in every row that is inserted or saved, whichever columns the caller names. Only a
`QuerySet.update` of a column that is searched would leave it behind, and nothing here does that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from django.db import models
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from elonara import folding

if TYPE_CHECKING:
    Text = models.TextField[str, str]
else:  # Django's class takes no type argument at run time
    Text = models.TextField

FILL_BATCH: Final = 500  # rows


class SearchColumn(Text):
    """The `folding.index_text` of the columns `of`, all in one text.

    `of` may name a property as well; then `by` names the columns that it depends on.
    """

    def __init__(self, *, of: Sequence[str] = (), by: Sequence[str] = (), **options: Any) -> None:
        self.of, self.by = tuple(of), {*of, *by}
        super().__init__(**{"editable": False, "default": "", "db_default": "", **options})

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        """For migrations, which fill the column themselves, this is a plain text."""
        name, _, arguments, options = super().deconstruct()
        return name, "django.db.models.TextField", arguments, options

    def pre_save(self, model_instance: models.Model, add: bool) -> str:  # noqa: ARG002
        """What is stored: as the other columns are now."""
        text = folding.index_text(" ".join(getattr(model_instance, name) for name in self.of))
        setattr(model_instance, self.attname, text)
        return text


class Searchable(models.Model):
    """A model with `SearchColumn`s: saving some columns saves the folded text of these as well."""

    class Meta:
        abstract = True

    def save(self, *, update_fields: Iterable[str] | None = None, **options: Any) -> None:
        """As Django's; `update_fields` need not name the search columns."""
        columns = [field for field in self._meta.concrete_fields if isinstance(field, SearchColumn)]
        if update_fields is not None:
            names = set(update_fields)
            update_fields = names | {column.name for column in columns if names & column.by}
        else:
            # A column that was not loaded would not be saved.
            for column in columns:
                column.pre_save(self, add=False)
        super().save(update_fields=update_fields, **options)


def matching(rows: QuerySet[Any], query: str, *, name: str, text: str) -> QuerySet[Any]:
    """The rows whose `text` holds every word of `query`, in any order; all where it has none.

    Before the order of `rows` goes how close they are: every word begins one in `name` (a search column, too); `name`
    holds them all; every word begins one in `text`; the others.
    """
    words = folding.words_of(query)
    if not words:
        return rows
    nearest = [_holds(name, words, at_start=True), _holds(name, words), _holds(text, words, at_start=True)]
    closeness = Case(
        *(When(condition, then=Value(number)) for number, condition in enumerate(nearest)),
        default=Value(len(nearest)),
        output_field=IntegerField(),
    )
    # alias: in the order alone, so that the rows stay what they were.
    found: QuerySet[Any] = rows.filter(_holds(text, words)).alias(closeness=closeness)
    return found.order_by("closeness", *rows.query.order_by)


def word_of(column: str, word: str) -> Q:
    """Whether a search column holds one word of `folding.words_of`."""
    return _holds(column, [word])


def fill(rows: QuerySet[Any], columns: dict[str, Sequence[str]]) -> None:
    """For migrations: store the search columns (name → the columns it is made of) of rows that were there before."""
    sources = sorted({name for of in columns.values() for name in of})
    some: list[Any] = []
    for row in rows.only("pk", *sources).order_by("pk").iterator(FILL_BATCH):
        for column, of in columns.items():
            setattr(row, column, folding.index_text(" ".join(getattr(row, name) for name in of)))
        some.append(row)
        if len(some) == FILL_BATCH:
            rows.model._base_manager.bulk_update(some, list(columns))
            some = []
    if some:
        rows.model._base_manager.bulk_update(some, list(columns))


def _holds(column: str, words: Sequence[str], *, at_start: bool = False) -> Q:
    needles = (folding.WORD_START + word if at_start or len(word) < folding.MIN_SUBSTRING else word for word in words)
    condition = Q()
    for needle in needles:
        condition &= Q(**{f"{column}__contains": needle})
    return condition
