"""Django's admin at /admin/. Sealed columns are never shown, and invitations are read-only."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from allauth.account.decorators import secure_admin_login
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from elonara.bluesky.models import MemberIdentity
from elonara.communities.models import Membership
from elonara.events.models import Rsvp
from elonara.invitations import actions as sending
from elonara.invitations.models import Announcement, Correction, EmailInvitation, HostSending, Invitation
from elonara.invitations.opt_out_models import OptOut
from elonara.invitations.results import InvitationRefused
from elonara.members import actions
from elonara.members.errors import NotAllowed
from elonara.members.models import Member
from elonara.web.operator.folded_search import FoldedSearch
from elonara.web.operator.member_form import MemberForm
from elonara.web.shortcuts import options

if TYPE_CHECKING:
    AnyAdmin = admin.ModelAdmin[Any]
    TypedMemberAdmin = admin.ModelAdmin[Member]
    TypedHostSendingAdmin = admin.ModelAdmin[HostSending]
else:  # Django's class takes no type argument at run time
    AnyAdmin = TypedMemberAdmin = TypedHostSendingAdmin = admin.ModelAdmin


def brand(site: admin.AdminSite) -> None:
    """Titles of the admin, allauth's sign-in for it, and models that it must not show."""
    site.site_header = site.site_title = "Elonara"
    site.index_title = format_lazy(gettext_lazy("Operator of {site}"), site=options().site.name)
    # Django's own admin login would skip the second factor.
    site.login = secure_admin_login(site.login)  # type: ignore[method-assign]
    # Operators have no reason to see members' second factors and sessions.
    for model in (Group, Authenticator, UserSession):
        if site.is_registered(model):
            site.unregister(model)


def _sealed(model: type[Model]) -> tuple[str, ...]:
    return tuple(field.name for field in model._meta.concrete_fields if field.name.endswith("_enc"))


class ReadOnlyAdmin(AnyAdmin):
    """For models that only the site's actions may write."""

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Never."""
        return False

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:  # noqa: ARG002
        """Hide sealed columns."""
        return _sealed(self.model)


@admin.register(Member)
class MemberAdmin(FoldedSearch, TypedMemberAdmin):
    """Approve, suspend and edit members."""

    form = MemberForm
    list_display = ("username", "display_name", "email", "standing", "date_joined", "last_login")
    list_filter = ("standing", "is_superuser")
    search_fields = ("email", "bluesky__bsky_handle", "bluesky__bsky_did")
    fields = ("username", "display_name", "email", "bio", "timezone", "standing", "is_staff", "is_superuser")
    readonly_fields = ("standing",)
    actions = ("approve", "suspend")

    def save_model(self, request: HttpRequest, obj: Member, form: Any, change: bool) -> None:
        """Save the profile; the rights change through the action, which checks the permission and writes it down."""
        wanted = {name: bool(form.cleaned_data[name]) for name in ("is_staff", "is_superuser")}
        for name in wanted:
            setattr(obj, name, form.initial[name])
        super().save_model(request, obj, form, change)
        try:
            actions.set_rights(obj, cast("Member", request.user), **wanted)
        except NotAllowed as fault:
            self.message_user(request, fault.sentence, messages.ERROR)

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Never: people sign up themselves, and `elonara createadmin` creates operators."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Never: events and answers belong to the account. Suspend it instead."""
        return False

    @admin.action(description=gettext_lazy("Approve or reinstate (let them act)"))
    def approve(self, request: HttpRequest, queryset: QuerySet[Member]) -> None:
        """Approve the chosen members."""
        if count := self._each(request, queryset, actions.approve):
            self.message_user(request, ngettext("{count} approved.", "{count} approved.", count).format(count=count))

    @admin.action(description=gettext_lazy("Suspend (sign them out, stop their invitations)"))
    def suspend(self, request: HttpRequest, queryset: QuerySet[Member]) -> None:
        """Suspend the chosen members."""
        if count := self._each(request, queryset, actions.suspend):
            self.message_user(request, ngettext("{count} suspended.", "{count} suspended.", count).format(count=count))

    def _each(self, request: HttpRequest, chosen: QuerySet[Member], do: Any) -> int:
        count = 0
        for member in chosen:
            try:
                do(member, by=request.user)
                count += 1
            except NotAllowed as fault:
                self.message_user(request, f"{member}: {fault.sentence}", messages.ERROR)
        return count


@admin.register(HostSending)
class HostSendingAdmin(TypedHostSendingAdmin):
    """Which hosts may post by the site's own account, and whose sending is paused."""

    list_display = ("host", "relay_approved", "paused_at", "pause_reason", "first_sent_at")
    list_filter = ("relay_approved", "pause_reason")
    search_fields = ("host__username",)
    fields = ("host", "relay_approved", "paused_at", "pause_reason")
    readonly_fields = ("paused_at", "pause_reason")  # changed by the actions, which also queue the delivery again
    autocomplete_fields = ("host",)
    actions = ("approve_relay", "withdraw_relay", "pause", "go_on")

    def save_model(self, request: HttpRequest, obj: HostSending, form: Any, change: bool) -> None:  # noqa: ARG002
        """Save through the action, which also queues invitations that waited for the approval."""
        HostSending.objects.get_or_create(host=obj.host)
        do = sending.approve_relay if obj.relay_approved else sending.withdraw_relay
        do(obj.host, by=cast("Member", request.user))

    @admin.action(description=gettext_lazy("Approve for the site’s own account"))
    def approve_relay(self, request: HttpRequest, queryset: QuerySet[HostSending]) -> None:
        """Allow these hosts to post by the site's own account (the relay)."""
        self._each(request, queryset, sending.approve_relay)

    @admin.action(description=gettext_lazy("Withdraw the site’s own account"))
    def withdraw_relay(self, request: HttpRequest, queryset: QuerySet[HostSending]) -> None:
        """Withdraw that permission."""
        self._each(request, queryset, sending.withdraw_relay)

    @admin.action(description=gettext_lazy("Pause sending"))
    def pause(self, request: HttpRequest, queryset: QuerySet[HostSending]) -> None:
        """Stop sending for these hosts."""
        self._each(request, queryset, sending.pause_sending)

    @admin.action(description=gettext_lazy("Let sending go on"))
    def go_on(self, request: HttpRequest, queryset: QuerySet[HostSending]) -> None:
        """End the pause; waiting invitations are queued at once."""
        self._each(request, queryset, sending.resume_sending)

    def _each(self, request: HttpRequest, chosen: QuerySet[HostSending], do: Callable[..., Any]) -> None:
        for row in chosen.select_related("host"):
            try:
                if do(row.host, by=request.user) is False:
                    self.message_user(request, _("{name} was paused already.").format(name=row.host), messages.WARNING)
            except (InvitationRefused, NotAllowed) as fault:
                self.message_user(request, f"{row.host}: {fault.sentence}", messages.ERROR)


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    """The state of invitations. Only their hosts change them."""

    list_display = ("invitee_handle", "event", "community", "host", "state", "reason", "attempts", "sent_at")
    list_filter = ("state", "voice")
    search_fields = ("invitee_handle", "invitee_did", "host__username", "rkey")
    list_select_related = ("event", "community", "host")

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """That somebody opened one, which an earlier release stored, is shown to nobody."""
        return (*super().get_exclude(request, obj), "opened_at")


@admin.register(Announcement)
class AnnouncementAdmin(ReadOnlyAdmin):
    """The posts that the invitations of a thread reply to."""

    list_display = ("author_did", "event", "community", "host", "state", "reason", "sent_at")
    list_filter = ("state",)


@admin.register(Correction)
class CorrectionAdmin(ReadOnlyAdmin):
    """The posts that say what has changed since others went out."""

    list_display = ("author_did", "event", "community", "host", "state", "reason", "sent_at")
    list_filter = ("state",)


@admin.register(EmailInvitation)
class EmailInvitationAdmin(ReadOnlyAdmin):
    """The state of e-mail invitations. Addresses are sealed; only the hosts see them."""

    list_display = ("pk", "event", "host", "state", "reason", "attempts", "due_at", "sent_at")
    list_filter = ("state",)
    list_select_related = ("event", "host")
    fields = ("event", "host", "state", "reason", "attempts", "due_at", "sent_at", "created_at")


@admin.register(OptOut)
class OptOutAdmin(ReadOnlyAdmin):
    """Opt-outs. Only the people themselves can withdraw them."""

    list_display = ("did", "host", "created_at")
    search_fields = ("did",)


@admin.register(MemberIdentity)
class MemberIdentityAdmin(ReadOnlyAdmin):
    """Which DID is linked to which member."""

    list_display = ("member", "bsky_handle", "bsky_did", "state", "state_reason", "session_ends_at")
    search_fields = ("member__username", "bsky_handle", "bsky_did")
    list_filter = ("state",)


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    """Memberships and roles in communities."""

    list_display = ("community", "member", "handle", "role", "joined_at")
    list_filter = ("role",)


@admin.register(Rsvp)
class RsvpAdmin(ReadOnlyAdmin):
    """Answers to events; the list leaves out their notes."""

    list_display = ("event", "member", "handle", "choice", "plus_ones", "answered_at")
    list_filter = ("choice",)
