"""An HTTP transport that connects to the network's TLS front for every name under atnet.dev, whatever DNS says."""

from __future__ import annotations

import ssl

import httpx2


class LocalTransport(httpx2.BaseTransport):
    """Sends `https://*.atnet.dev` to 127.0.0.1:`tls_port` with the right name in TLS and in Host."""

    def __init__(self, tls_port: int, context: ssl.SSLContext) -> None:
        self._tls_port = tls_port
        self._inner = httpx2.HTTPTransport(verify=context, trust_env=False)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Change only where to connect; the request itself stays as it is."""
        name = request.url.host
        if request.url.scheme == "https" and name.endswith("atnet.dev"):
            request.extensions = {**request.extensions, "sni_hostname": name}
            original, request.url = request.url, request.url.copy_with(host="127.0.0.1", port=self._tls_port)
            try:
                return self._inner.handle_request(request)
            finally:
                request.url = original
        return self._inner.handle_request(request)

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()
