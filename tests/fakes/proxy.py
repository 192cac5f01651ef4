"""A reverse proxy that speaks plain HTTP to the site and adds the headers it was told to, as nginx or Caddy do."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Proxy:
    """Listens at `url` once started and passes GET requests on to a port of this machine under another Host."""

    def __init__(self, port, *, host, headers=None, to="127.0.0.1"):
        self.headers = headers if headers is not None else {}
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                upstream = http.client.HTTPConnection(to, port, timeout=10)
                upstream.request("GET", self.path, headers={"Host": host, **fake.headers})
                response = upstream.getresponse()
                body = response.read()
                self.send_response(response.status)
                for name, value in response.getheaders():
                    if name.lower() in {"location", "content-type", "x-request-id"}:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def get(self, path):
        """Status, headers and body of what a visitor gets; redirects are not followed."""
        client = http.client.HTTPConnection("127.0.0.1", self._server.server_address[1], timeout=10)
        client.request("GET", path)
        response = client.getresponse()
        return response.status, dict(response.getheaders()), response.read().decode()
