"""The sandbox itself: what the other suites stand on."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

ROOT = Path(__file__).resolve().parents[2]
CREATE = "com.atproto.repo.createRecord"


@pytest.fixture
def pds(network):
    with httpx2.Client(base_url=f"{network.pds}/xrpc/", timeout=10, trust_env=False) as client:
        yield client


def signed_in(pds, account):
    body = {"identifier": account.did, "password": account.app_password}
    return {"authorization": f"Bearer {pds.post('com.atproto.server.createSession', json=body).json()['accessJwt']}"}


def a_post(account, rkey):
    record = {"$type": "app.bsky.feed.post", "text": "Hello", "createdAt": "2026-11-01T12:00:00.000Z"}
    return {"repo": account.did, "collection": "app.bsky.feed.post", "rkey": rkey, "record": record}


def read(pds, account, rkey):
    where = {"repo": account.did, "collection": "app.bsky.feed.post", "rkey": rkey}
    return pds.get("com.atproto.repo.getRecord", params=where)


def a_key():
    return "3k" + "".join(secrets.choice("234567abcdefghijklmnopqrstuvwxyz") for _ in range(11))


def authorize_url(net, client, scope="atproto"):
    redirect = "http://127.0.0.1:8000/callback"
    query = httpx2.QueryParams({"redirect_uri": redirect, "scope": scope})
    form = {
        "client_id": f"http://localhost?{query}",
        "redirect_uri": redirect,
        "response_type": "code",
        "scope": scope,
        "state": "a-state",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }
    pushed = client.post(f"{net.issuer}/oauth/par", data=form)
    assert pushed.status_code == 201, pushed.text
    wanted = httpx2.QueryParams({"client_id": form["client_id"], "request_uri": pushed.json()["request_uri"]})
    return f"{net.issuer}/oauth/authorize?{wanted}"


def test_the_appview_knows_who_follows_alice(network):
    alice = network.accounts["alice.test"]
    found = httpx2.get(f"{network.appview}/xrpc/app.bsky.graph.getFollowers", params={"actor": alice.did}).json()
    assert {one["handle"] for one in found["followers"]} == {"bob.test", "carol.test", "dan.test"}


def test_its_settings_are_settings_of_the_site(network, point_at):
    options = point_at(network)
    assert options.bluesky.plc_url == network.plc
    assert urlsplit(network.pds).netloc in options.bluesky.allow_private_hosts
    assert options.invitations.spacing_seconds == 0
    assert options.invitations.per_day > 1000


def test_secrets_of_accounts_are_not_printed(network):
    assert network.accounts["alice.test"].app_password not in repr(network)


def test_a_status_fault_answers_with_headers_as_often_as_asked(network, pds, faults):
    faults({"match": CREATE, "kind": "status", "status": 429, "headers": {"retry-after": "7"}, "times": 1})
    first = pds.post(CREATE, json={})
    assert (first.status_code, first.headers["retry-after"]) == (429, "7")
    assert pds.post(CREATE, json={}).status_code == 401
    assert network.fault_log()[-1]["status"] == 429


def test_after_a_lost_answer_the_record_stands_and_its_key_is_taken(pds, faults, make_account):
    account, rkey = make_account(), a_key()
    headers = signed_in(pds, account)
    faults({"match": CREATE, "kind": "drop-after", "times": 1})
    with pytest.raises(httpx2.RemoteProtocolError):
        pds.post(CREATE, json=a_post(account, rkey), headers=headers)
    assert read(pds, account, rkey).status_code == 200
    assert pds.post(CREATE, json=a_post(account, rkey), headers=headers).status_code == 500


def test_a_late_write_lands_after_the_client_has_gone(pds, faults, make_account):
    account, rkey = make_account(), a_key()
    headers = signed_in(pds, account)
    faults({"match": CREATE, "kind": "delay-before", "ms": 400, "times": 1})
    with pytest.raises(httpx2.TimeoutException):
        pds.post(CREATE, json=a_post(account, rkey), headers=headers, timeout=0.1)
    absent = read(pds, account, rkey)
    assert (absent.status_code, absent.json()["error"]) == (400, "RecordNotFound")
    until(lambda: read(pds, account, rkey).status_code == 200)


def test_a_code_by_email_is_asked_for_but_not_of_app_passwords(network, pds, make_account):
    account = make_account()
    network.require_email_code(account.handle, "CODE-1")
    body = {"identifier": account.handle, "password": account.password}
    asked = pds.post("com.atproto.server.createSession", json=body)
    assert (asked.status_code, asked.json()["error"]) == (401, "AuthFactorTokenRequired")
    assert network.outbox()[-1]["to"] == account.email
    assert pds.post("com.atproto.server.createSession", json=body | {"authFactorToken": "CODE-1"}).status_code == 200
    assert signed_in(pds, account)


def test_approving_gives_a_code_and_denying_an_error(network, approve):
    with network.client() as client:
        granted = parse_qs(urlsplit(approve(authorize_url(network, client), "alice.test")).query)
        denied = parse_qs(urlsplit(approve(authorize_url(network, client), "alice.test", deny=True)).query)
    assert granted["code"]
    assert granted["iss"] == [network.issuer]
    assert granted["state"] == ["a-state"]
    assert denied["error"] == ["access_denied"]


def test_a_pds_behind_tls_is_reached_by_its_name(tls_network):
    assert tls_network.issuer == "https://pds.atnet.dev"
    with tls_network.client() as client:
        url = tls_network.approve(authorize_url(tls_network, client), "bob.test")
    assert parse_qs(urlsplit(url).query)["iss"] == ["https://pds.atnet.dev"]


def test_tls_is_really_checked(tls_network):
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"https://localhost:{tls_network.tls_port}/")


def test_the_issuer_can_be_apart_from_the_pds(split_network):
    with split_network.client() as client:
        resource = client.get("https://pds.atnet.dev/.well-known/oauth-protected-resource").json()
        assert resource["authorization_servers"] == ["https://auth.atnet.dev"]
        assert client.get("https://pds.atnet.dev/.well-known/oauth-authorization-server").status_code == 404
        url = split_network.approve(authorize_url(split_network, client), "carol.test")
        assert parse_qs(urlsplit(url).query)["iss"] == ["https://auth.atnet.dev"]
        account = split_network.create_account()
        document = client.get(f"{split_network.plc}/{account.did}").json()
        assert document["service"][0]["serviceEndpoint"] == "https://pds.atnet.dev"


def test_an_app_password_works_at_the_pds_behind_an_entryway(split_network):
    account = split_network.accounts["dan.test"]
    split_network.sync()
    with split_network.client() as client:
        pds = f"{split_network.pds_public_url}/xrpc/"
        body = {"identifier": account.handle, "password": account.app_password}
        session = client.post(f"{pds}com.atproto.server.createSession", json=body).json()
        refresh = {"authorization": f"Bearer {session['refreshJwt']}"}
        session = client.post(f"{pds}com.atproto.server.refreshSession", headers=refresh).json()
        headers = {"authorization": f"Bearer {session['accessJwt']}"}
        assert client.get(f"{pds}com.atproto.server.getSession", headers=headers).json()["did"] == account.did
        assert client.post(f"{pds}{CREATE}", json=a_post(account, a_key()), headers=headers).status_code == 200
        proxied = client.get(f"{pds}app.bsky.actor.getProfile", params={"actor": "alice.test"}, headers=headers)
        assert proxied.json()["viewer"]["following"]


def until(true, seconds=15):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def family(pid):
    """The process and all that it started."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(one for child in children for one in family(int(child)))]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


OWNER = """
import time
from sandbox import network
net = network.start(accounts=["alice"])
print(net.pid, net.postgres_url.partition("host=")[2], flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("victim", ["owner", "supervisor"])
def test_nothing_stays_when_it_is_killed(network, victim):
    owner = subprocess.Popen([sys.executable, "-c", OWNER], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        pid, socket_folder = owner.stdout.readline().split()
        processes = family(int(pid))
        assert len(processes) > 3, "supervisor, node and the processes of PostgreSQL"
        os.kill(owner.pid if victim == "owner" else int(pid), signal.SIGKILL)
        until(lambda: not any(map(alive, processes)))
        if victim == "owner":
            until(lambda: not Path(socket_folder).parents[1].exists())
        shutil.rmtree(Path(socket_folder).parents[1], ignore_errors=True)
    finally:
        owner.kill()
        owner.wait()
        owner.stdout.close()


def test_a_command_runs_beside_it_with_its_settings_and_is_told_to_stop(network, tmp_path):
    script = tmp_path / "site.py"
    script.write_text(
        "import json, os, pathlib, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))\n"
        "found = {name: value for name, value in os.environ.items() if name.startswith('ELONARA_')}\n"
        "found['folder'] = pathlib.Path(found['ELONARA_DATA_DIR']).is_dir()\n"
        "print(json.dumps(found), flush=True)\n"
        "time.sleep(600)\n"
    )
    words = [sys.executable, "-m", "sandbox", "run", "--bare", "--json", "--", sys.executable, str(script)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ELONARA_")}
    command = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        facts, site = json.loads(command.stdout.readline()), json.loads(command.stdout.readline())
        assert site["ELONARA_BLUESKY__PLC_URL"] == facts["plc"]
        assert site["folder"]
        assert facts["accounts"]["alice.test"]["password"] == "alice-pass"
        processes = family(command.pid)
        command.send_signal(signal.SIGTERM)
        assert command.wait(20) == 9
        until(lambda: not any(map(alive, processes)))
        assert not Path(site["ELONARA_DATA_DIR"]).exists()
    finally:
        command.kill()
        command.wait()
        command.stdout.close()
