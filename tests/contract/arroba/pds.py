"""A PDS made of `arroba` (PyPI), as a process: `python -m tests.contract.arroba.pds PORT`.

What it answers below /xrpc/ is arroba's own. It has no directory, no pages and no administration: DID documents,
handles, and `POST /control`, by which a test makes accounts and changes the server, are added here.
"""

import json
import logging
import os
import sys
import threading
from types import ModuleType
from unittest import mock

TOKEN, PASSWORD = "REPO_TOKEN", "REPO_PASSWORD"
# Only used with Google's datastore, whose packages are not installed.
DATASTORE = ("arroba.datastore_storage", "arroba.firehose")
DATASTORE_NAMES = ("AtpBlock", "AtpRemoteBlob", "AtpRepo", "DatastoreStorage")


def _end_with_the_caller() -> None:
    """End when standard input is closed: so it does even where the tests were killed."""
    sys.stdin.read()
    os._exit(0)


def serve(port: int) -> None:
    """Serve on this port of 127.0.0.1 until the process is ended."""
    from flask import Flask, request
    from werkzeug.serving import make_server

    os.environ |= {"PDS_HOST": "localhost", "PLC_HOST": "localhost", PASSWORD: "", TOKEN: ""}
    for name in DATASTORE:
        sys.modules[name] = ModuleType(name)
    for name in DATASTORE_NAMES:
        setattr(sys.modules[DATASTORE[0]], name, mock.Mock)
    from arroba import server, xrpc_repo, xrpc_server, xrpc_sync  # noqa: F401 - they register their methods
    from arroba.repo import Repo
    from arroba.storage import MemoryStorage
    from arroba.util import new_key
    from lexrpc.flask_server import init_flask

    server.storage = MemoryStorage()
    app, homes, key = Flask("arroba-pds"), {}, new_key()

    @app.get("/did:plc:<rest>")
    def did_document(rest):
        did = f"did:plc:{rest}"
        if did not in homes:
            return {"message": f"DID not registered: {did}"}, 404
        handle, home = homes[did]
        service = {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": home}
        return {"id": did, "alsoKnownAs": [f"at://{handle}"], "service": [service]}

    @app.get("/xrpc/com.atproto.identity.resolveHandle")
    def resolve_handle():
        wanted = request.args["handle"]
        found = next((did for did, (handle, _) in homes.items() if handle == wanted), None)
        return {"did": found} if found else ({"error": "HandleNotFound", "message": "Unable to resolve handle"}, 400)

    @app.post("/control")
    def control():
        order = request.get_json()
        os.environ |= {TOKEN: order.get("token", os.environ[TOKEN])}
        os.environ |= {PASSWORD: order.get("password", os.environ[PASSWORD])}
        if did := order.get("create"):
            homes[did] = (order["handle"], request.host_url.rstrip("/"))
            Repo.create(server.storage, did, handle=order["handle"], signing_key=key, rotation_key=key)
        if did := order.get("state_of"):
            change = {"deactivated": server.storage.deactivate_repo, "active": server.storage.activate_repo}
            change[order["state"]](server.storage.load_repo(did))
        return {}

    @app.errorhandler(500)
    def broken(_):
        # As Flask answers without this; kept off the terminal.
        return "<!doctype html><title>500 Internal Server Error</title>", 500

    logging.disable(logging.CRITICAL)
    init_flask(server.server, app)
    with make_server("127.0.0.1", port, app, threaded=True) as running:
        threading.Thread(target=_end_with_the_caller, daemon=True).start()
        print(json.dumps({"url": f"http://127.0.0.1:{running.port}"}), flush=True)
        running.serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
