"""A TCP proxy in front of a server on this machine that can be closed, to simulate a restart of the server."""

import contextlib
import socket
import threading


class Gate:
    """Forwards connections to `port`. Use it as a context manager."""

    def __init__(self, port):
        self._to, self._open, self._pairs = port, True, set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.close()
        self._listener.close()

    def close(self):
        """Cut all connections; new ones are closed at once."""
        with self._lock:
            self._open = False
            ends = [end for pair in self._pairs for end in pair]
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def open(self):
        """Forward new connections again."""
        with self._lock:
            self._open = True

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if not self._open:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._to))
                pair = (near, far)
                self._pairs.add(pair)
            for one, other in (pair, pair[::-1]):
                threading.Thread(target=self._forward, args=(one, other, pair), daemon=True).start()

    def _forward(self, one, other, pair):
        with contextlib.suppress(OSError):
            while data := one.recv(1 << 16):
                other.sendall(data)
        for end in pair:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        with self._lock:
            self._pairs.discard(pair)
