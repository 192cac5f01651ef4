"""Compares the keys that stored secrets are sealed under with the ones that this process has.

A process without the right keys must not work: it would seal new secrets under keys that the others lack, and could
open none of theirs. So a key ring is only made where nothing is sealed yet, and the web server and every worker look at
the stored secrets before they start. While they run, workers look again at each sweep, because `elonara keys rotate` on
another machine adds a key that has to be copied here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.db import connection, models
from django.db.models import Count
from django.db.models.functions import Substr

from elonara import sealing
from elonara.bluesky.models import AppPasswordSession, AssertionKey, AuthorizationRequest, MemberIdentity
from elonara.bluesky.sealed_columns import did_of
from elonara.keyfiles import KeyFileFault

# Sealed values of these models are bound to a DID as well as to column and row (associated data of the encryption).
BOUND_TO_DID: Final = (MemberIdentity, AppPasswordSession, AuthorizationRequest, AssertionKey)
# What a worker looks at in each sweep: the few rows without which it could post nothing.
NEEDED_FOR_POSTS: Final = (MemberIdentity, AppPasswordSession, AssertionKey)
_FIRST, _LENGTH = len(sealing.VERSION) + 2, sealing.KID_CHARACTERS  # of the key's id within a sealed value


def ensure_ring(data_dir: Path) -> Path:
    """The path of the key ring, which is made where there is none and nothing is sealed. Raises KeyFileFault."""
    path = sealing.key_file(data_dir)
    if not path.exists() and (found := sealed_under()):
        raise KeyFileFault(f"{path} is missing, and {_sealed(found)}. {_advice(found)}")
    return sealing.ensure_keys(data_dir)


def check(data_dir: Path) -> str:
    """Open one stored secret of each key; returns the id of the key for new ones. Raises KeyFileFault."""
    path = ensure_ring(data_dir)
    if lacking := missing():
        raise KeyFileFault(f"{_sealed(lacking)}, which {path} does not hold. {_advice(lacking)}")
    for kid in sealed_under():
        _open_one(kid, path)
    return sealing.current_kid()


def missing(of: tuple[type[models.Model], ...] | None = None) -> Counter[str]:
    """The keys that stored secrets need and the ring does not hold, with the number of secrets. Raises KeyFileFault."""
    held = sealing.kids()
    return Counter({kid: count for kid, count in sealed_under(of).items() if kid not in held})


def sealed_under(of: tuple[type[models.Model], ...] | None = None) -> Counter[str]:
    """Key id → how many stored values are sealed under it, in these models or in all.

    Without `of` the schema need not be up to date: what it lacks has no values.
    """
    found: Counter[str] = Counter()
    for model, columns in sealed_models().items():
        if of is not None and model not in of:
            continue
        for column in columns if of is not None else _existing(model, columns):
            rows = model._default_manager.exclude(**{column: ""}).order_by()
            kids = rows.values_list(Substr(column, _FIRST, _LENGTH)).annotate(Count("pk"))
            found.update(dict(kids))
    if of is None:
        found.update(sealing.kid_of(value) for _, value in second_factors())
    return found


def sealed_models() -> dict[type[models.Model], list[str]]:
    """Model → its sealed columns, for all models that have some. Their names end in `_enc`."""
    found = {
        model: [one.name for one in model._meta.fields if one.name.endswith("_enc")] for model in apps.get_models()
    }
    return {model: columns for model, columns in found.items() if columns}


def place_of(row: models.Model) -> dict[str, Any]:
    """What the sealed values of a row are bound to besides their column, as arguments of `seal` and `unseal`."""
    return {"row": row.pk, "did": did_of(row) if isinstance(row, BOUND_TO_DID) else ""}


def second_factors() -> Iterator[tuple[Authenticator, str]]:
    """Every sealed value of a second factor; they are in JSON, and few."""
    if not _existing(Authenticator, ["data"]):
        return
    for row in Authenticator.objects.all():
        for value in row.data.values():
            if isinstance(value, str) and value.startswith(f"{sealing.VERSION}."):
                yield row, value


def _existing(model: type[models.Model], columns: list[str]) -> list[str]:
    # Asked before the schema is known to be up to date, perhaps of an empty database.
    with connection.cursor() as cursor:
        if model._meta.db_table not in connection.introspection.table_names(cursor):
            return []
        there = {column.name for column in connection.introspection.get_table_description(cursor, model._meta.db_table)}
    return [column for column in columns if column in there]


def _open_one(kid: str, path: Path) -> None:
    prefix = f"{sealing.VERSION}.{kid}."
    for model, columns in sealed_models().items():
        for column in _existing(model, columns):
            row = model._default_manager.filter(**{f"{column}__startswith": prefix}).first()
            if row is None:
                continue
            try:
                sealing.unseal(getattr(row, column), column=column, **place_of(row))
            except sealing.CannotUnseal:
                raise KeyFileFault(
                    f"{path} holds a key {kid} that does not open what is sealed under it: it is damaged, or another "
                    "site's. Put this site's keys folder back from your backup of the keys"
                ) from None
            return


def _sealed(kids: Counter[str]) -> str:
    return " and ".join(
        f"{count} stored {'secret is' if count == 1 else 'secrets are'} sealed under key {kid}"
        for kid, count in kids.items()
    )


def _advice(kids: Counter[str]) -> str:
    commands = " and ".join(f"elonara keys abandon {kid}" for kid in kids)
    return (
        "Put this site's keys folder there, from the machine that has it or from your backup of the keys, or set "
        f"data_dir to the folder that has it. Only where they are lost for good: {commands}"
    )
