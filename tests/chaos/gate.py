"""A gate in front of a server on this machine: closed, its clients see what they see while the server restarts."""

import contextlib
import socket
import threading


class Gate:
    """Passes connections on to `port`. Use it as a context manager."""

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
        """Every connection breaks off, and new ones end at once."""
        with self._lock:
            self._open = False
            ends = [end for pair in self._pairs for end in pair]
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def open(self):
        """As before."""
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
                threading.Thread(target=self._pass_on, args=(one, other, pair), daemon=True).start()

    def _pass_on(self, one, other, pair):
        with contextlib.suppress(OSError):
            while data := one.recv(1 << 16):
                other.sendall(data)
        for end in pair:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        with self._lock:
            self._pairs.discard(pair)
