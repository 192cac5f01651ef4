"""Errors of the API: `application/problem+json` (RFC 9457) with a stable `code` a program may branch on."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from elonara.api.openapi import PROBLEM, NotAnObject
from elonara.bluesky.graph.failures import FOR_THE_MEMBER, PENDING
from elonara.bluesky.graph.service import BAD_CURSOR, GraphUnavailable
from elonara.invitations.reasons import reason
from elonara.invitations.results import InvitationRefused
from elonara.members.errors import Invalid, NotAllowed

log = logging.getLogger(__name__)

# HTTP status of an InvitationRefused by its code; every other code is a conflict with the current state (409).
_STATUS_OF_CODES = {
    422: frozenset(
        {
            "nobody",
            "nobody_to_write_to",
            "no_text",
            "too_many",
            "note_too_long",
            "line_too_long",
            "sentence_too_long",
            "sentence_not_plain",
            "sentence_private",
            "unknown_audience",
            "unknown_choice",
        }
    ),
    403: frozenset({"not_allowed", "not_host", "suspended"}),
    503: frozenset({"graph_unavailable"}),
}
WRONG_FORM = gettext_noop("The request does not have the form that this call expects.")
RETRY_SECONDS = 5  # after a fault of the network


class Problem(Exception):
    """An error response.

    `code` is stable once published; `detail` is a sentence for people; `extra` are further members of the document
    (RFC 9457, section 3.2).
    """

    def __init__(self, status: int, code: str, detail: str, **extra: Any) -> None:
        super().__init__(code)
        self.status, self.code, self.detail, self.extra = status, code, detail, extra


def wrong_cursor() -> Problem:
    """The problem of a cursor that this site has not given."""
    sentence = _("This cursor did not come from this site. Start again without one.")
    return Problem(422, "bad_cursor", sentence, errors=[{"field": "cursor", "problem": sentence}])


def render(status: int, code: str, detail: str, **extra: Any) -> HttpResponse:
    """The response for one problem."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "code": code, "detail": detail}
    response = JsonResponse(body | extra, status=status, content_type=PROBLEM)
    response["Cache-Control"] = "no-store"
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response["Retry-After"] = str(RETRY_SECONDS)
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = "Bearer"
    return response


def _problem(_request: HttpRequest, fault: Problem) -> HttpResponse:
    return render(fault.status, fault.code, fault.detail, **fault.extra)


def _validation(_request: HttpRequest, fault: ValidationError) -> HttpResponse:
    # Return only the location and the message: pydantic's `input` and `ctx` repeat what was sent, even passwords.
    fields = [
        {"field": ".".join(str(step) for step in error["loc"][1:] if step != "payload"), "problem": error["msg"]}
        for error in fault.errors
    ]
    own = next((error for error in fault.errors if error["type"] in _STATUS_OF_CODES[422]), None)
    if own is not None:  # as the action says it of a page's form
        return render(422, own["type"], own["msg"], way_on=reason(own["type"]).way_on, errors=fields)
    return render(422, "invalid_input", _(WRONG_FORM), errors=fields)


def _invalid(_request: HttpRequest, fault: Invalid) -> HttpResponse:
    fields = [{"field": name, "problem": sentence} for name, sentence in fault.errors.items()]
    return render(422, "invalid_input", str(fault), errors=fields)


def _not_allowed(_request: HttpRequest, fault: NotAllowed) -> HttpResponse:
    return render(403, fault.code, fault.sentence)


def _refused(_request: HttpRequest, fault: InvitationRefused) -> HttpResponse:
    status = next((status for status, codes in _STATUS_OF_CODES.items() if fault.code in codes), 409)
    return render(status, fault.code, fault.sentence, way_on=fault.way_on)


def _graph(_request: HttpRequest, fault: GraphUnavailable) -> HttpResponse:
    if fault.reason == BAD_CURSOR:
        return render(400, fault.reason, fault.sentence, errors=[{"field": "cursor", "problem": fault.sentence}])
    if fault.reason == PENDING:
        return render(403, fault.reason, fault.sentence)
    return render(409 if fault.reason in FOR_THE_MEMBER else 503, fault.reason, fault.sentence)


def _not_found(_request: HttpRequest, _fault: Http404) -> HttpResponse:
    return render(404, "not_found", _("This does not exist, or you may not see it."))


def _unauthorized(_request: HttpRequest, _fault: AuthenticationError) -> HttpResponse:
    sentence = _("Send a valid token: Authorization: Bearer <token>. POST /tokens gives one.")
    return render(401, "unauthorized", sentence)


def _permission_denied(_request: HttpRequest, _fault: PermissionDenied) -> HttpResponse:
    return render(403, "not_allowed", _("You may not do this."))


def _http(_request: HttpRequest, fault: HttpError) -> HttpResponse:
    if isinstance(fault.__cause__, NotAnObject):
        fields = [{"field": "", "problem": _("This is not a JSON object.")}]
        return render(422, "invalid_input", _(WRONG_FORM), errors=fields)
    if fault.status_code == 400:
        return render(400, "bad_request", _("The body of the request cannot be read. Send JSON in UTF-8."))
    return render(fault.status_code, "error", str(fault))


def _suspicious(_request: HttpRequest, fault: SuspiciousOperation) -> HttpResponse:
    if isinstance(fault, RequestDataTooBig):
        return render(413, "too_large", _("The request is too large."))
    return render(400, "bad_request", _("The site does not accept this request."))


def _unexpected(request: HttpRequest, fault: Exception) -> HttpResponse:
    log.error("unexpected error in %s %s", request.method, request.path, exc_info=fault)
    return render(500, "internal_error", _("Something went wrong on our side. The error is in the log of the site."))


def install(api: NinjaAPI) -> None:
    """Register handlers that turn every exception in a view of `api` into a problem response."""
    handlers: dict[type[Exception], Any] = {
        Problem: _problem,
        ValidationError: _validation,
        Invalid: _invalid,
        NotAllowed: _not_allowed,
        InvitationRefused: _refused,
        GraphUnavailable: _graph,
        Http404: _not_found,
        AuthenticationError: _unauthorized,
        PermissionDenied: _permission_denied,
        SuspiciousOperation: _suspicious,
        HttpError: _http,
        Exception: _unexpected,
    }
    for kind, handler in handlers.items():
        api.add_exception_handler(kind, handler)
