"""Django's SECRET_KEY: generated once, in the data folder beside the key ring of `elonara.sealing`."""

from __future__ import annotations

import secrets
from pathlib import Path

from elonara.config.options import BadSetting
from elonara.keyfiles import KeyFileFault, create_private, read_private

MIN_CHARACTERS = 50  # as Django's check security.W009 requires


def secret_key(data_dir: Path) -> str:
    """The key in `{data_dir}/keys/secret_key`, generated on the first start. Raises BadSetting if it is unusable."""
    path = data_dir / "keys" / "secret_key"
    try:
        if not path.exists():
            create_private(path, secrets.token_urlsafe(64))
        key = read_private(path).strip()
    except KeyFileFault as fault:
        raise BadSetting(str(fault)) from fault
    except OSError as fault:
        raise BadSetting(f"data_dir {data_dir} cannot be written: {fault.strerror}") from fault
    if len(key) < MIN_CHARACTERS:
        raise BadSetting(f"{path} is too short to be a key; restore it from your backup of the keys")
    return key
