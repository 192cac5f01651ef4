"""`elonara config`."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterator
from typing import Any

from elonara.config.options import RENAMED, SECRETS, load_with_sources
from elonara.options import Options

HIDDEN = "(hidden)"


def run(args: argparse.Namespace, options: Options) -> int:
    """Print every setting, its value and where it comes from; of a secret only whether it is set."""
    _, sources = load_with_sources()
    toml_names = {ours: theirs for theirs, ours in RENAMED.items()}
    rows = [
        {"name": toml_names.get(name, name), "value": _shown(name, value), "from": sources.get(name, "default")}
        for name, value in _values(options)
    ]
    if args.json:
        print(json.dumps({"settings": rows}))
        return 0
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        value = ", ".join(row["value"]) if isinstance(row["value"], list) else row["value"]
        print(f"{row['name']:<{width}}  {value!s:<36}  {row['from']}")
    return 0


def _values(part: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for field in dataclasses.fields(part):
        value = getattr(part, field.name)
        if dataclasses.is_dataclass(value):
            yield from _values(value, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", value


def _shown(name: str, value: Any) -> Any:
    if name in SECRETS:
        return HIDDEN if value else ""
    if isinstance(value, tuple):
        return list(value)
    return value if isinstance(value, int | float | bool) else str(value)
