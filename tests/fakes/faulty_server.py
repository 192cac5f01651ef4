"""A small HTTP server on a free local port that can lose responses, delay requests and refuse them, as networks do.

A fault is {"match": part of the path, "kind": …, "times": n, "ms": …, "status": …, "headers": …, "body": …}, with the
kinds of the sandbox: status, drop-before, drop-after, delay-before (the late write), delay-after.
"""

import json
import socket
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Call:
    """A request as a server sees it."""

    method: str
    url: str
    headers: dict[str, str]
    content: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def params(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.url).query))

    def json(self) -> Any:
        return json.loads(self.content or b"{}")


@dataclass
class Reply:
    """A response: `body` is sent as JSON, or as it is when bytes."""

    status: int
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


class FaultyServer:
    """A context manager that serves `answer(call) -> Reply` of a subclass; `perform(call)` does so without HTTP."""

    def __init__(self) -> None:
        self.faults: list[dict[str, Any]] = []
        self.fault_log: list[str] = []
        self.calls: list[Call] = []
        self._lock = threading.Lock()  # one request at a time, as in a real PDS with its one SQLite file per repository
        self.url = ""

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, call: Call) -> Reply:
        raise NotImplementedError

    def perform(self, call: Call) -> Reply:
        """Handle one request, and record it."""
        with self._lock:
            self.calls.append(call)
            return self.answer(call)

    def _fault_for(self, url: str) -> dict[str, Any]:
        with self._lock:
            for fault in self.faults:
                if fault.get("match", "") in url and fault.get("times", 1) > 0:
                    if "times" in fault:
                        fault["times"] -= 1
                    self.fault_log.append(fault["kind"])
                    return fault
        return {}

    def _handler(server) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the handler's below
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                content = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                call = Call(self.command, server.url + self.path, headers, content)
                fault = server._fault_for(self.path)
                wait = fault.get("ms", 1000) / 1000
                match fault.get("kind"):
                    case "status":
                        default = {"error": "Fault", "message": "injected"}
                        self.reply(
                            Reply(fault.get("status", 503), fault.get("body", default), fault.get("headers", {}))
                        )
                    case "drop-before":
                        self.drop()
                    case "drop-after":
                        server.perform(call)
                        self.drop()
                    case "delay-before":
                        time.sleep(wait)  # then handled even if the client has disconnected
                        self.reply(server.perform(call))
                    case "delay-after":
                        done = server.perform(call)
                        time.sleep(wait)
                        self.reply(done)
                    case _:
                        self.reply(server.perform(call))

            do_GET = do_POST = handle_any  # noqa: N815

            def reply(self, reply: Reply) -> None:
                body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                try:
                    self.send_response(reply.status)
                    for name, value in {"content-type": "application/json", **reply.headers}.items():
                        self.send_header(name, value)
                    self.send_header("content-length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True

            def drop(self) -> None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)

            def log_message(self, *_: object) -> None:
                """Log nothing to the tests' stderr."""

        return Handler
