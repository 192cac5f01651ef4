"""`elonara sandbox`: runs the `sandbox` package, which is part of a checkout but not of the installed package."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path

import elonara
from elonara.cli.errors import CommandRefused
from elonara.options import Options


def run(args: argparse.Namespace, options: Options) -> int:
    """Run the sandbox's own command line."""
    checkout = Path(elonara.__file__).resolve().parents[2]
    if not (checkout / "sandbox" / "__init__.py").exists():
        raise CommandRefused("the sandbox is a part of the source: run this from a checkout of Elonara")
    if str(checkout) not in sys.path:
        sys.path.insert(0, str(checkout))
    return int(import_module("sandbox").main(args.rest))
