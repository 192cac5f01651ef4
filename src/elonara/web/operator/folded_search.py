"""The admin's search boxes find names in every alphabet, as the site's own searches do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from elonara import folding, search_columns

if TYPE_CHECKING:
    AnyAdmin = admin.ModelAdmin[Any]
else:  # a part of an admin, not one by itself
    AnyAdmin = object


class FoldedSearch(AnyAdmin):
    """For an admin of a model with a column `search_text`: it holds each word, or one of the `search_fields` does."""

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002
        queryset: QuerySet[Any],
        search_term: str,
    ) -> tuple[QuerySet[Any], bool]:
        """The rows that have every word, in any order; no row comes twice."""
        for word in folding.words_of(search_term):
            condition = search_columns.word_of("search_text", word)
            for column in self.search_fields:
                condition |= Q(**{f"{column}__icontains": word})
            queryset = queryset.filter(condition)
        return queryset, False
