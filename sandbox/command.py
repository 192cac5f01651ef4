"""`python -m sandbox` and `elonara sandbox`: the network with demo people, alone or around another command."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from sandbox import demo, network
from sandbox.children import end_with_parent
from sandbox.supervisor import HERE

DESCRIPTION = "A real AT Protocol network on this machine, with demo people. It ends with this command."


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    # Split at "--" by hand: argparse's REMAINDER would also take options that come before the command.
    arguments = list(sys.argv[1:] if argv is None else argv)
    command = arguments[arguments.index("--") + 1 :] if "--" in arguments else []
    arguments = arguments[: arguments.index("--")] if "--" in arguments else arguments
    parser = argparse.ArgumentParser(
        prog="elonara sandbox", description=DESCRIPTION, usage="%(prog)s [options] [run -- COMMAND …]"
    )
    parser.add_argument(
        "action", nargs="?", choices=["run", "install"], help="run a command beside it; or only install"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON line instead of the card")
    parser.add_argument("--bare", action="store_true", help="four accounts, no demo people")
    parser.add_argument("--rate-limits", action="store_true", help="with the rate limits of the PDS")
    options = parser.parse_args(arguments)
    if (options.action == "run") != bool(command):
        parser.error("say what to run: elonara sandbox run -- COMMAND …")

    installed = _install()
    if options.action == "install" or installed:
        return installed
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        began = time.monotonic()
        with network.start(
            accounts=None if options.bare else [handle.split(".")[0] for handle in demo.CARD],
            rate_limits=options.rate_limits,
        ) as net:
            if not options.bare:
                demo.populate(net)
            text = (
                json.dumps(_facts(net))
                if options.json
                else card(net, time.monotonic() - began, {} if options.bare else demo.CARD)
            )
            print(text, flush=True)
            return _run(command, net) if command else _wait(net)
    except KeyboardInterrupt:
        return 0
    except (RuntimeError, network.NotInstalled) as fault:
        print(fault, file=sys.stderr)
        return 1


def _install() -> int:
    """Install what is missing; the script first prints how large it is and how long it takes."""
    return subprocess.run(["bash", HERE / "install.sh"], check=False).returncode


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _facts(net: network.Network) -> dict[str, object]:
    accounts = {
        one.handle: {"did": one.did, "password": one.password, "app_password": one.app_password, "email": one.email}
        for one in net.accounts.values()
    }
    return {
        "plc": net.plc,
        "pds": net.pds,
        "appview": net.appview,
        "control": net.control,
        "accounts": accounts,
        "settings": net.settings(),
    }


def card(net: network.Network, seconds: float, people: Mapping[str, tuple[str, str]]) -> str:
    """The accounts and addresses as text for people. `people` maps handles to name and description."""
    lines = [f"The sandbox is up after {seconds:.0f} s: a Bluesky of its own, seen by nobody else.", ""]
    lines.append(f"  {'handle':<12} {'password':<11} {'app password':<20} who")
    for account in net.accounts.values():
        name, about = people.get(account.handle, ("", ""))
        who = f"{name}, {about}" if name else ""
        lines.append(f"  {account.handle:<12} {account.password:<11} {account.app_password:<20} {who}")
    if people:
        lines += ["", f"  Erin's code from the e-mail is {demo.EMAIL_CODE} (her app password needs none)."]
    lines += ["", f"  PDS {net.pds}   AppView {net.appview}   PLC {net.plc}   control {net.control}", ""]
    return "\n".join(lines)


def _wait(net: network.Network) -> int:
    """Wait for Ctrl-C, for a piped stdin to close, or for the network to end by itself; returns the exit status."""
    piped = not sys.stdin.isatty() and sys.stdin.readable()
    if piped and not os.path.samestat(os.fstat(0), Path(os.devnull).stat()):
        while os.read(0, 4096):
            pass
        return 0
    while net.running:
        time.sleep(0.5)
    print("the network ended by itself; its words are above", file=sys.stderr)
    return 1


def _run(command: Sequence[str], net: network.Network) -> int:
    """Run `command` with settings that point it at the network, and forward signals to it; returns its exit status."""
    with tempfile.TemporaryDirectory(prefix="elonara-demo-") as data:
        # The accounts are new at every start, so by default the site's data is too. ELONARA_DATA_DIR overrides that.
        environment = {"ELONARA_DATA_DIR": data, **os.environ, **net.settings()}
        child = subprocess.Popen(
            command, env=environment, start_new_session=True, preexec_fn=end_with_parent(signal.SIGTERM)
        )
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda got, _frame: child.send_signal(got))
        status = child.wait()
        return 128 - status if status < 0 else status
