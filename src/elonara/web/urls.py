"""URL patterns of the pages."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path, re_path

from elonara.web import bluesky as bluesky_views
from elonara.web import callback, home, manage
from elonara.web.communities import events as community_events
from elonara.web.communities import joining as community_joining
from elonara.web.communities import members as community_members
from elonara.web.communities import views as community_views
from elonara.web.events import again as event_again
from elonara.web.events import answering as event_answering
from elonara.web.events import guest_list as event_guest_list
from elonara.web.events import guests as event_guests
from elonara.web.events import hosts as event_hosts
from elonara.web.events import listing as event_listing
from elonara.web.events import messages as event_messages
from elonara.web.events import questions as event_questions
from elonara.web.events import views as event_views
from elonara.web.invitations import email_invitations, email_rsvp, invitation, preferences, watch_actions
from elonara.web.members import accounts, answer_digest, fresh_proof, host_page, newcomer, own_data, profile
from elonara.web.operator import admin as operator_pages
from elonara.web.operator import hiding, reports

operator_pages.brand(admin.site)
hiding.register(admin.site)
reports.register(admin.site)

OF_EVENTS, OF_COMMUNITIES = {"folder": "events"}, {"folder": "communities"}

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home),
    path("about", home.about),
    path("theme", home.theme),
    path("notices/dismiss", home.dismiss),
    path("events", event_listing.index),
    path("events/create", event_views.create),
    path("events/<slug:slug>/place", event_guests.give_place),
    path("events/<slug:slug>/questions", event_questions.ask),
    path("events/<slug:slug>/guests.csv", event_guest_list.table),
    path("events/<slug:slug>/guests/print", event_guest_list.sheet),
    path("events/<slug:slug>/guests", event_guests.add),
    path("events/<slug:slug>/guests/close", event_guests.close),
    path("events/<slug:slug>/guests/<int:pk>", event_guests.one),
    path("events/<slug:slug>/guests/accept", event_guests.accept),
    path("events/<slug:slug>/guests/decline", event_guests.decline),
    re_path(r"^events/(?P<slug>[-\w]+)\.ics$", event_views.ics),
    path("events/<slug:slug>", event_views.show),
    path("events/<slug:slug>/answer", event_answering.answer),
    path("events/<slug:slug>/edit", event_views.edit),
    path("events/<slug:slug>/cancel", event_views.cancel),
    path("events/<slug:slug>/report", event_views.report),
    path("events/<slug:slug>/emails", event_messages.choose),
    path("events/<slug:slug>/picture", event_views.picture),
    path("events/<slug:slug>/share.jpg", event_views.share_picture),
    path("events/<slug:slug>/hosts", event_hosts.add_host),
    path("events/<slug:slug>/hosts/answer", event_hosts.answer),
    path("events/<slug:slug>/hosts/remove", event_hosts.remove_host),
    path("events/<slug:slug>/manage", manage.event),
    path("events/<slug:slug>/again", event_again.again),
    path("events/<slug:slug>/transfer", manage.transfer, OF_EVENTS),
    path("events/<slug:slug>/transfer/answer", manage.answer_transfer, OF_EVENTS),
    path("events/<slug:slug>/transfer/take-back", manage.take_transfer_back, OF_EVENTS),
    path("communities", community_views.index),
    path("communities/create", community_views.create),
    path("communities/<slug:slug>", community_views.show),
    path("communities/<slug:slug>/join", community_views.join),
    path("communities/<slug:slug>/ask", community_joining.ask),
    path("communities/<slug:slug>/ask/withdraw", community_joining.withdraw),
    path("communities/<slug:slug>/requests/accept", community_joining.accept),
    path("communities/<slug:slug>/requests/decline", community_joining.decline),
    path("communities/<slug:slug>/leave", community_views.leave),
    path("communities/<slug:slug>/edit", community_views.edit),
    path("communities/<slug:slug>/close", community_views.close),
    path("communities/<slug:slug>/picture", community_views.picture),
    path("communities/<slug:slug>/members", community_members.index),
    path("communities/<slug:slug>/members/add-again", community_joining.add_again),
    path("communities/<slug:slug>/members/<int:pk>", community_members.set_role),
    path("communities/<slug:slug>/members/<int:pk>/remove", community_members.remove),
    path("communities/<slug:slug>/events/<slug:event>/remove", community_events.take_out),
    path("communities/<slug:slug>/manage", manage.community),
    path("communities/<slug:slug>/transfer", manage.transfer, OF_COMMUNITIES),
    path("communities/<slug:slug>/transfer/answer", manage.answer_transfer, OF_COMMUNITIES),
    path("communities/<slug:slug>/transfer/take-back", manage.take_transfer_back, OF_COMMUNITIES),
    path("@<str:username>", host_page.show),
    path("i/<str:ref>", invitation.show),
    path("i/<str:ref>/stop", invitation.stop),
    path("i/<str:ref>/report", invitation.report),
    path("rsvp/<str:token>", email_rsvp.show),
    path("rsvp/<str:token>/stop", email_rsvp.stop),
    path("rsvp/<str:token>/mail", event_messages.stop),
    path("digest/<str:token>", answer_digest.stop),
    path("invitations", invitation.inbox),
    path("invitations/prove", bluesky_views.prove),
    path("invitations/export", own_data.export_of_guest),
    path("invitations/delete-answers", own_data.delete_of_guest),
    path("invitations/forget", invitation.forget_me),
    path("invitations/again", preferences.opt_in_again),
    path("invitations/relay", preferences.relay),
    path("invitations/<uuid:pk>/<slug:what>", watch_actions.act),
    path("letters/<uuid:pk>/<slug:what>", email_invitations.act),
    path("updates/<uuid:pk>/<slug:what>", watch_actions.act_on_update),
    path("announcements/<uuid:pk>/<slug:what>", watch_actions.act_on_announcement),
    path("profile", profile.show),
    path("profile/edit", profile.edit),
    path("profile/export", own_data.export),
    path("profile/delete", own_data.delete),
    path("profile/emails", event_messages.choose_for_all),
    path("profile/digest", answer_digest.choose),
    path("connect/bluesky", profile.connect_app_password),
    path("connect/posting", profile.allow_posting),
    path("disconnect/posting", profile.end_posting),
    path("disconnect/bluesky", profile.disconnect),
    path("disconnect/app-password", profile.remove_app_password),
    path("auth/bluesky/start", bluesky_views.start),
    path("auth/bluesky/callback", callback.callback),
    path("auth/bluesky/finishing", callback.finishing),
    path("auth/bluesky/connect", bluesky_views.connect),
    path("auth/bluesky/reauthorize", bluesky_views.reauthorize),
    path("auth/bluesky/remove", profile.remove_sign_in),
    path("auth/bluesky/verify", fresh_proof.verify),
    path("accounts/password/set/", fresh_proof.set_password),
    path("auth/bluesky/confirm/<uuid:request_id>", bluesky_views.confirm),
    path("auth/bluesky/new", newcomer.page),
    path("auth/bluesky/keep", bluesky_views.keep),
    path("oauth/oauth-client-metadata.json", bluesky_views.client_metadata),
    path("oauth/jwks.json", bluesky_views.jwks),
    path("first-run/<str:token>", accounts.first_run),
]
