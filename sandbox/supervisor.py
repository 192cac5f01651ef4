"""The parent process of a network: PostgreSQL and node are its children, and it runs as long as its stdin is open.

Reads one JSON line ({"appview": bool, "environment": {…}}) from stdin, prints one JSON line when the network is
ready, and ends everything and deletes its folder when stdin closes, on SIGTERM, or when one of the two ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

from sandbox import postgres, tls
from sandbox.children import end_with_parent

HERE = Path(__file__).resolve().parent
NODE = HERE / "node22" / "bin" / "node"
SHORT = "/tmp"  # noqa: S108 - the folder in it has a random name and is made anew


def main() -> int:
    """Run one network from start to end; the exit status is 0 if it ended on request."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # on Ctrl-C the process that started us closes our stdin
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    request = json.loads(sys.stdin.readline() or "null")
    if request is None:
        return 0
    folder = make_folder()
    try:
        folder.chmod(0o711)  # the account that PostgreSQL runs as must be able to enter it
        return _run(folder, request)
    except RuntimeError as fault:
        print(fault, file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_folder() -> Path:
    """A folder for one network."""
    # Not in TMPDIR, unless this user may not write elsewhere: the path of a Unix socket must be short.
    short = SHORT if os.access(SHORT, os.W_OK | os.X_OK) else None
    return Path(tempfile.mkdtemp(prefix="elonara-sandbox-", dir=short))


def _run(folder: Path, request: dict[str, Any]) -> int:
    authority, certificate, key = tls.make(folder)
    (folder / "tmp").mkdir(mode=0o700)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PDS_", "ATNET_", "NODE_"))},
        "ATNET_STDIN": "1",
        "ATNET_TLS_CERT": str(certificate),
        "ATNET_TLS_KEY": str(key),
        "TMPDIR": str(folder / "tmp"),
        "NODE_COMPILE_CACHE": str(HERE / "run" / "compiled"),
        "DB_POSTGRES_URL": postgres.socket_url(folder / "postgres"),
        **request["environment"],
    }
    with contextlib.ExitStack() as stack:
        errors = stack.enter_context((folder / "stderr.log").open("w+b"))
        node = subprocess.Popen(
            [NODE, HERE / "start.mjs"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            cwd=HERE,
            preexec_fn=end_with_parent(signal.SIGKILL),
        )
        cluster = None
        try:
            if request["appview"]:  # started beside node, which loads its code meanwhile and then waits for it
                cluster = postgres.start(folder / "postgres")
            return _watch(node, cluster, errors, {"authority": str(authority)})
        finally:
            _stop_node(node)
            if cluster is not None:
                cluster.stop()


def _watch(
    node: subprocess.Popen[bytes], cluster: postgres.Cluster | None, errors: IO[bytes], more: dict[str, str]
) -> int:
    """Forward node's line, completed by `more`; then wait until stdin closes or a process ends."""
    if node.stdout is None:
        raise RuntimeError("node has no stdout")
    line = b""
    watched: list[IO[Any]] = [sys.stdin, node.stdout]
    while True:
        readable, _, _ = select.select(watched, [], [], 0.5)
        if sys.stdin in readable and not os.read(sys.stdin.fileno(), 4096):
            return 0
        if node.stdout in readable:
            line += os.read(node.stdout.fileno(), 1 << 16)
            if line.endswith(b"\n"):
                ready = {**json.loads(line), **more, "postgres": cluster.url if cluster else None}
                print(json.dumps(ready), flush=True)
                watched.remove(node.stdout)
        if node.poll() is not None:
            errors.seek(0)
            output = errors.read().decode(errors="replace").strip()
            raise RuntimeError(f"node ended with status {node.returncode}: {output[-2000:]}")
        if cluster is not None and cluster.process.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended with status {cluster.process.returncode}")


def _stop_node(node: subprocess.Popen[bytes]) -> None:
    """Close node's stdin, at which it ends; kill it if it does not."""
    if node.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            node.stdin.close()
    try:
        node.wait(5)
    except subprocess.TimeoutExpired:
        node.kill()
        node.wait()


if __name__ == "__main__":
    sys.exit(main())
