"""`elonara keys rotate`."""

from __future__ import annotations

import argparse
import json

from allauth.mfa.models import Authenticator
from django.db import models

from elonara import sealing
from elonara.housekeeping.keys.in_use import place_of, sealed_models
from elonara.members import audit
from elonara.members.sign_in.mfa import SealedMFAAdapter
from elonara.options import Options


def run(args: argparse.Namespace, options: Options) -> int:
    """Create a key and seal all stored values under it. Old keys stay in the ring: backups are sealed under them."""
    kid = sealing.rotate()
    resealed, failed = reseal(kid)
    audit.record(None, "keys_rotated", f"key {kid}", f"{resealed} values sealed again, {failed} could not be opened")
    if args.json:
        print(json.dumps({"kid": kid, "resealed": resealed, "failed": failed}))
    else:
        print(f"key {kid} seals everything new; {resealed} kept values were sealed again")
        if failed:
            print(f"{failed} values could not be opened and stay as they are: is keys/sealing.json complete?")
        print("Make a backup of the keys now: `elonara backup`.")
        print("Copy the keys folder to every other machine of this site: a worker without this key takes no work.")
    return 1 if failed else 0


def reseal(kid: str) -> tuple[int, int]:
    """Seal values of other keys under the key `kid`; returns how many were sealed, and how many could not be opened."""
    done = failed = 0
    for model, columns in sealed_models().items():
        for row in model._default_manager.iterator():
            place = place_of(row)
            for column in columns:
                before: str = getattr(row, column)
                if not before:
                    continue
                try:
                    if sealing.kid_of(before) == kid:
                        continue
                    secret = sealing.unseal(before, column=column, **place)
                except sealing.CannotUnseal:
                    failed += 1
                    continue
                after = sealing.seal(secret.reveal(), column=column, **place)
                # Compare-and-swap: a token that was refreshed meanwhile is newer, and sealed under the new key already.
                done += model._default_manager.filter(pk=row.pk, **{column: before}).update(**{column: after})
    second = _reseal_second_factors(kid)
    return done + second[0], failed + second[1]


def _reseal_second_factors(kid: str) -> tuple[int, int]:
    adapter = SealedMFAAdapter()
    done = failed = 0
    rows: models.QuerySet[Authenticator] = Authenticator.objects.all()
    for row in rows:
        data = dict(row.data)
        for name, value in row.data.items():
            if not isinstance(value, str) or not value.startswith(f"{sealing.VERSION}."):
                continue
            try:
                if sealing.kid_of(value) != kid:
                    data[name] = adapter.encrypt(adapter.decrypt(value))
                    done += 1
            except sealing.CannotUnseal:
                failed += 1
        if data != row.data:
            Authenticator.objects.filter(pk=row.pk).update(data=data)
    return done, failed
