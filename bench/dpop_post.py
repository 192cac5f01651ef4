"""What `create_post_for_member` adds to a bare DPoP post, on the same PDS in the same run.

usage: python bench/dpop_post.py [rounds]      the bound: at most 1.6 times the bare post (medians, wall clock)
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import statistics
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.browser import sign_in
from bench.ground import site, spread, table

BOUND = 1.6
URI = "/xrpc/com.atproto.repo.createRecord"


def main() -> int:
    """Print the table; 1 if the bound is not met."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with site(mode="oauth") as net:
        import httpx2
        from django.test import Client
        from joserfc import jwt
        from joserfc.jwk import ECKey

        from elonara.bluesky.identity.identities import identity_row
        from elonara.bluesky.sealed_columns import dpop_key, unsealed
        from elonara.bluesky.writing.factory import BlueskyAgentFactory
        from elonara.members.models import Member

        account = next(iter(net.accounts.values()))
        member = Member.objects.create_user("bench")
        client = Client(SERVER_NAME="127.0.0.1", SERVER_PORT=8000)
        sign_in(client, member)
        response = client.post("/auth/bluesky/connect", {"handle": account.handle})
        back = urlsplit(net.approve(response.url, account.handle, account.password))
        client.get(f"{back.path}?{back.query}")

        identity = identity_row(member.pk)
        token = unsealed(identity, "bsky_access_token_enc").reveal()
        key = ECKey.import_key(json.loads(dpop_key(identity).to_json()))
        public = key.as_dict(private=False)
        public = {name: public[name] for name in ("crv", "kty", "x", "y")}
        ath = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
        bare_client = httpx2.Client(trust_env=False)
        nonce = ""

        def record(text: str) -> dict:
            return {
                "$type": "app.bsky.feed.post",
                "text": text,
                "createdAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            }

        def bare() -> None:
            nonlocal nonce
            while True:
                claims = {
                    "jti": secrets.token_urlsafe(16),
                    "htm": "POST",
                    "htu": net.pds + URI,
                    "iat": int(time.time()),
                    "ath": ath,
                } | ({"nonce": nonce} if nonce else {})
                proof = jwt.encode({"alg": "ES256", "typ": "dpop+jwt", "jwk": public}, claims, key)
                response = bare_client.post(
                    net.pds + URI,
                    json={"repo": account.did, "collection": "app.bsky.feed.post", "record": record("bare")},
                    headers={"Authorization": f"DPoP {token}", "DPoP": proof},
                )
                nonce = response.headers.get("dpop-nonce", nonce)
                if response.status_code == 200:
                    return
                if response.json().get("error") != "use_dpop_nonce":
                    raise SystemExit(f"bare post: {response.status_code} {response.text}")

        agent = BlueskyAgentFactory.make()

        def ours() -> None:
            result = agent.create_post_for_member(member.pk, record("ours"))
            if not result.success:
                raise SystemExit(f"create_post_for_member: {result.reason} {result.error_message}")

        def clock(call) -> float:
            began = time.perf_counter()
            call()
            return time.perf_counter() - began

        for _ in range(10):
            bare()
            ours()
        times = {"bare": [], "ours": []}
        for turn in range(rounds):  # in alternation, so that a slow moment of the machine affects both
            for name, call in (("bare", bare), ("ours", ours)) if turn % 2 else (("ours", ours), ("bare", bare)):
                times[name].append(clock(call))
    ratio = statistics.median(times["ours"]) / statistics.median(times["bare"])
    table(
        f"A post over DPoP, wall clock, {rounds} rounds each",
        [
            ("bare httpx2 post with a proof", spread(times["bare"])),
            ("create_post_for_member", spread(times["ours"])),
            ("ratio of the medians", f"{ratio:6.2f}"),
            ("bound", f"{BOUND:6.2f}      {'met' if ratio <= BOUND else 'NOT MET'}"),
        ],
    )
    return 0 if ratio <= BOUND else 1


if __name__ == "__main__":
    raise SystemExit(main())
