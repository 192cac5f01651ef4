"""A report shows what was reported, and the operator acts on it there; whoever acts stands in the audit log."""

import pytest
from tests.fakes.oauth import BOB
from tests.pages import page_text

from elonara.events.models import Event
from elonara.invitations import actions
from elonara.invitations.opt_out_models import Report
from elonara.members.errors import NotAllowed
from elonara.members.models import AuditEntry, Member


@pytest.fixture
def operator(make_member):
    return make_member("olga", is_superuser=True, is_staff=True)


@pytest.fixture
def report(invited, picnic):
    actions.report(invited(picnic).ref, BOB, "I do not know her.")
    return Report.objects.get()


@pytest.fixture
def page(report):
    return f"/admin/elonara/report/{report.pk}/change/"


def test_a_report_shows_post_host_and_event(signed_in, operator, report, page):
    shown = page_text(signed_in(operator).get(page))
    for words in ("I do not know her.", "Winter picnic", "Alice Moreira", "alice.example", "love you to come to", BOB):
        assert words in shown, words
    for button in ("Hide the event", "Suspend the host", "Handled"):
        assert f">{button}</button>" in shown
    assert report.invitation.record["text"].split()[0] in shown


def test_hide_suspend_and_handled(signed_in, operator, alice, picnic, report, page):
    browser = signed_in(operator)
    for act in ("hide", "suspend", "handled"):
        assert browser.post(page, {"act": act, "note": "spam"})["location"] == page
    report.refresh_from_db()
    alice.refresh_from_db()
    picnic.refresh_from_db()
    assert report.handled_at
    assert alice.standing == Member.Standing.SUSPENDED
    assert picnic.hidden_at
    found = list(AuditEntry.objects.order_by("pk").values_list("who", "what", "subject"))
    assert found == [
        ("olga", "hidden", f"event {picnic.slug}"),
        ("olga", "member_suspended", "member alice"),
        ("olga", "report_handled", f"report {report.pk}"),
    ]
    shown = page_text(browser.get(page))
    for button in ("Show the event again", "Reinstate the host"):
        assert f">{button}</button>" in shown
    for act in ("unhide", "reinstate"):
        browser.post(page, {"act": act})
    alice.refresh_from_db()
    assert alice.standing == Member.Standing.ACTIVE
    assert not Event.objects.get(pk=picnic.pk).hidden_at


def test_an_operator_is_not_suspended_by_herself(signed_in, operator, invited, picnic, report, page):
    report.invitation.host = operator
    report.invitation.save()
    assert "You cannot suspend your own account." in page_text(
        signed_in(operator).post(page, {"act": "suspend"}, follow=True)
    )


@pytest.mark.promise("operators-only")
@pytest.mark.parametrize("who", ["nobody", "member", "staff"])
def test_nobody_else_reads_reports_or_acts(client, signed_in, make_member, report, page, picnic, who):
    if who != "nobody":
        signed_in(make_member("mallory", is_staff=who == "staff"))
    for response in (client.get(page), client.post(page, {"act": "hide"}), client.post(page, {"act": "handled"})):
        assert response.status_code in {302, 403}
    report.refresh_from_db()
    assert not report.handled_at
    assert not Event.objects.get(pk=picnic.pk).hidden_at


def test_the_action_itself_refuses(report, alice):
    with pytest.raises(NotAllowed):
        actions.handle_report(report, alice)


def test_marking_in_the_list_is_written_down_too(signed_in, operator, report):
    signed_in(operator).post("/admin/elonara/report/", {"action": "handled", "_selected_action": [report.pk]})
    assert AuditEntry.objects.get().what == "report_handled"


@pytest.mark.promise("audit-kept")
def test_the_audit_log_is_read_and_never_changed(signed_in, operator, report):
    actions.handle_report(report, operator)
    entry, browser = AuditEntry.objects.get(), signed_in(operator)
    assert "marked as handled" in page_text(browser.get("/admin/elonara/auditentry/"))
    assert browser.get("/admin/elonara/auditentry/add/").status_code == 403
    assert browser.post(f"/admin/elonara/auditentry/{entry.pk}/delete/", {"post": "yes"}).status_code == 403
    browser.post(f"/admin/elonara/auditentry/{entry.pk}/change/", {"who": "somebody"})
    browser.post(
        "/admin/elonara/auditentry/", {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"}
    )
    assert AuditEntry.objects.get().who == "olga"


def test_staff_without_rights_do_not_read_the_audit_log(signed_in, make_member, report):
    assert signed_in(make_member("sam", is_staff=True)).get("/admin/elonara/auditentry/").status_code == 403
