"""Every route of the site, as an attacker would use it: `tests/unit/script/test_attack_routes.py` misses none.

`likely` are those that cost most for what they ask, and those that are open to everybody.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

from bench.attack.route import Route

UUID = "00000000-0000-4000-8000-000000000000"
HANDLE = {"handle": "slow.test"}
WHEN = {
    "starts_at": f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%dT%H:%M}",
    "timezone": "UTC",
    "visibility": "public",
}
PEOPLE = {"dids": [f"did:plc:{number:024}" for number in range(20)], "note": "Come {n}."}
# What the browser of a member does who has signed in.
member = partial(Route, signed_in=True)
press = partial(Route, method="POST", signed_in=True)

VISITORS = [
    Route("/", likely=True),
    Route("/health", likely=True),
    Route("/about"),
    Route("/theme", "POST", {"theme": "dark"}),
    Route("/events", likely=True),
    Route("/events?q={n}", likely=True),
    Route("/events/picnic", likely=True),
    Route("/events/picnic.ics", likely=True),
    Route("/events/picnic/picture", likely=True),
    Route("/communities", likely=True),
    Route("/communities/club"),
    Route("/communities/club/picture"),
    Route("/i/unknown", likely=True),
    Route("/i/unknown", "POST", HANDLE, likely=True),
    Route("/i/unknown/stop", "POST", HANDLE),
    Route("/i/unknown/report", "POST", {"text": "spam {n}"}),
    Route("/rsvp/unknown"),
    Route("/rsvp/unknown", "POST", {"answer": "going", "name": "{n}"}, likely=True),
    Route("/rsvp/unknown/stop", "POST"),
    Route("/invitations", likely=True),
    Route("/invitations/prove", "POST", HANDLE, likely=True),
    Route("/invitations/forget", "POST"),
    Route("/invitations/again", "POST", {"who": "site"}),
    Route("/invitations/relay", "POST"),
    Route("/auth/bluesky/start?handle=slow.test", likely=True),
    Route("/auth/bluesky/callback?state=x&code=y", likely=True),
    Route("/auth/bluesky/finishing"),
    Route("/auth/bluesky/new"),
    Route("/oauth/oauth-client-metadata.json"),
    Route("/oauth/jwks.json"),
    Route("/first-run/unknown"),
    Route("/metrics"),
    Route("/admin/login/"),
    Route("/accounts/login/", likely=True),
    Route("/accounts/login/", "POST", {"login": "alice", "password": "wrong {n}"}, likely=True),
    Route("/accounts/login/", "POST", {"login": "nobody{n}", "password": "wrong {n}"}, likely=True),
    Route("/accounts/login/code/confirm/", "POST", {"code": "{n}"}),
    Route("/accounts/signup/", "POST", {"username": "x{n}", "password1": "long enough {n}"}, likely=True),
    Route("/accounts/password/reset/", "POST", {"email": "nobody{n}@mail.example"}, likely=True),
    Route("/accounts/password/reset/done/"),
    Route("/accounts/password/reset/key/x-y/"),
    Route("/accounts/password/reset/key/done/"),
    Route("/accounts/confirm-email/"),
    Route("/accounts/confirm-email/x/"),
    Route("/accounts/inactive/"),
    Route("/accounts/logout/", "POST"),
    Route("/accounts/2fa/authenticate/", "POST", {"code": "{n}"}),
]

MEMBERS = [
    member("/profile", likely=True),
    member("/profile/edit", likely=True),
    press("/profile/edit", body={"display_name": "Mallory {n}", "timezone": "UTC"}),
    press("/notices/dismiss", body={"notice": UUID}),
    press("/connect/bluesky", body={"identifier": "slow.test", "app_password": "aaaa-bbbb-cccc-dddd"}, likely=True),
    press("/disconnect/bluesky"),
    press("/disconnect/app-password"),
    press("/auth/bluesky/connect", body=HANDLE, likely=True),
    press("/auth/bluesky/reauthorize", likely=True),
    press("/auth/bluesky/verify", likely=True),
    press("/auth/bluesky/remove"),
    press(f"/auth/bluesky/confirm/{UUID}"),
    member("/accounts/password/set/"),
    press("/accounts/password/change/", body={"oldpassword": "wrong {n}", "password1": "x", "password2": "x"},
          likely=True),
    press("/accounts/reauthenticate/", body={"password": "wrong {n}"}, likely=True),
    press("/accounts/email/", body={"action_add": "", "email": "x{n}@mail.example"}),
    member("/accounts/sessions/"),
    member("/accounts/2fa/"),
    press("/accounts/2fa/reauthenticate/", body={"code": "{n}"}),
    member("/accounts/2fa/totp/activate/"),
    member("/accounts/2fa/totp/deactivate/"),
    member("/accounts/2fa/recovery-codes/"),
    member("/accounts/2fa/recovery-codes/download/"),
    member("/accounts/2fa/recovery-codes/generate/"),
    press("/events/create", body=WHEN | {"title": "Event {n}"}, likely=True),
    press("/events/create", body=WHEN | {"title": "Event {n}"}, picture="jpeg_with_scans", likely=True),
    press("/events/create", body=WHEN | {"title": "Event {n}"}, picture="jpeg_plain", likely=True),
    press("/events/picnic/answer", body={"answer": "going", "note": "{n}"}, likely=True),
    press("/events/picnic/edit", body=WHEN | {"title": "Picnic {n}"}, likely=True),
    press("/events/other/cancel"),
    press("/events/picnic/hosts", body={"member": "slow{n}.test"}, likely=True),
    press("/events/picnic/hosts/answer", body={"answer": "accept"}),
    press("/events/picnic/hosts/remove", body={"member": "1"}),
    member("/events/picnic/manage"),
    member("/events/picnic/manage?tab=guests"),
    member("/events/picnic/manage?tab=invite", likely=True),
    press("/events/picnic/manage?tab=invite", body={"did": PEOPLE["dids"], "go": "search", "q": "a{n}"}, likely=True),
    member("/events/picnic/manage?tab=invite&step=check", likely=True),
    member("/events/picnic/manage?tab=invite&step=watch&part=1", likely=True),
    press("/events/picnic/manage?tab=invite&step=email", body={"addresses": "x{n}@mail.example"}, likely=True),
    press("/communities/create", body={"name": "Club {n}", "visibility": "public"}, likely=True),
    press("/communities/club/join"),
    press("/communities/club/leave"),
    press("/communities/club/edit", body={"name": "Club {n}", "visibility": "public"}),
    press("/communities/other/close"),
    press("/communities/club/members/1", body={"role": "member"}),
    member("/communities/club/manage", likely=True),
    press(f"/invitations/{UUID}/retry"),
    press(f"/letters/{UUID}/retry"),
    press(f"/announcements/{UUID}/retry"),
    press(f"/updates/{UUID}/undo"),
    member("/admin/"),
    member("/admin/jobs/"),
]  # fmt: skip

CALLS = [
    Route("/api/v1/"),
    Route("/api/v1/docs"),
    Route("/api/v1/openapi.json", likely=True),
    Route("/api/v1/no-such-call"),
    Route("/api/v1/tokens", "POST", {"username": "alice", "password": "wrong {n}"}, likely=True),
    member("/api/v1/me"),
    member("/api/v1/me/bluesky/followers", likely=True),
    member("/api/v1/me/bluesky/followers?q=a", likely=True),
    member("/api/v1/me/bluesky/follows", likely=True),
    press("/api/v1/me/bluesky/sync", likely=True),
    *(route for noun, slug in (("events", "picnic"), ("communities", "club")) for route in [
        press(f"/api/v1/{noun}", body=WHEN | {"title": "Event {n}"} if noun == "events" else {"name": "Club {n}"},
              likely=True),
        member(f"/api/v1/{noun}/{slug}", likely=True),
        press(f"/api/v1/{noun}/{slug}", method="PATCH", body={"description": "About {n}"}),
        member(f"/api/v1/{noun}/{slug}/invitations", likely=True),
        press(f"/api/v1/{noun}/{slug}/invitations", body=PEOPLE, likely=True),
        press(f"/api/v1/{noun}/{slug}/invitations/preview", body=PEOPLE, likely=True),
        member(f"/api/v1/{noun}/{slug}/posts", likely=True),
        press(f"/api/v1/{noun}/{slug}/posts/update"),
        press(f"/api/v1/{noun}/{slug}/posts/take-back"),
    ]),
    member("/api/v1/events/picnic/hosts"),
    press("/api/v1/events/picnic/hosts", body={"member": "slow{n}.test"}, likely=True),
    press("/api/v1/events/picnic/hosts/answer", body={"accept": True}),
    press("/api/v1/events/picnic/hosts/remove", body={"member": "alice"}),
    *(press(f"/api/v1/invitations/{UUID}/{verb}") for verb in ("retry", "cancel", "undo", "confirm")),
]  # fmt: skip

ROUTES = [*VISITORS, *MEMBERS, *CALLS]
