"""Where the pages are."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path, re_path

from elonara.web import (
    accounts,
    bluesky,
    communities,
    events,
    home,
    invitation,
    manage,
    profile,
    rows,
    wishes,
)
from elonara.web import admin as operator_pages

operator_pages.brand(admin.site)

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home),
    path("about", home.about),
    path("theme", home.theme),
    path("notices/dismiss", home.dismiss),
    path("events", events.index),
    path("events/create", events.create),
    re_path(r"^events/(?P<slug>[-\w]+)\.ics$", events.ics),
    path("events/<slug:slug>", events.show),
    path("events/<slug:slug>/answer", events.answer),
    path("events/<slug:slug>/edit", events.edit),
    path("events/<slug:slug>/cancel", events.cancel),
    path("events/<slug:slug>/picture", events.picture),
    path("events/<slug:slug>/hosts", events.add_host),
    path("events/<slug:slug>/hosts/remove", events.remove_host),
    path("events/<slug:slug>/manage", manage.event),
    path("communities", communities.index),
    path("communities/create", communities.create),
    path("communities/<slug:slug>", communities.show),
    path("communities/<slug:slug>/join", communities.join),
    path("communities/<slug:slug>/leave", communities.leave),
    path("communities/<slug:slug>/edit", communities.edit),
    path("communities/<slug:slug>/close", communities.close),
    path("communities/<slug:slug>/picture", communities.picture),
    path("communities/<slug:slug>/members/<int:pk>", communities.set_member),
    path("communities/<slug:slug>/manage", manage.community),
    path("i/<str:ref>", invitation.show),
    path("i/<str:ref>/stop", invitation.stop),
    path("i/<str:ref>/report", invitation.report),
    path("invitations", invitation.inbox),
    path("invitations/prove", bluesky.prove),
    path("invitations/forget", invitation.forget_me),
    path("invitations/again", wishes.opt_in_again),
    path("invitations/relay", wishes.relay),
    path("invitations/<uuid:pk>/<slug:what>", rows.act),
    path("announcements/<uuid:pk>/<slug:what>", rows.act_on_announcement),
    path("profile", profile.show),
    path("profile/edit", profile.edit),
    path("connect/bluesky", profile.connect_app_password),
    path("disconnect/bluesky", profile.disconnect),
    path("disconnect/app-password", profile.remove_app_password),
    path("auth/bluesky/start", bluesky.start),
    path("auth/bluesky/callback", bluesky.callback),
    path("auth/bluesky/connect", bluesky.connect),
    path("auth/bluesky/reauthorize", bluesky.reauthorize),
    path("auth/bluesky/remove", profile.remove_sign_in),
    path("auth/bluesky/confirm/<uuid:request_id>", bluesky.confirm),
    path("auth/bluesky/new", bluesky.newcomer),
    path("oauth/oauth-client-metadata.json", bluesky.client_metadata),
    path("oauth/jwks.json", bluesky.jwks),
    path("first-run/<str:token>", accounts.first_run),
]
