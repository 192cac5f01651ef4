"""The API as a whole: what every answer has in common, and the description that programs read."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Schema
from ninja.openapi.schema import OpenAPISchema
from ninja.parser import Parser

PROBLEM = "application/problem+json"
FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}
CSRF_FIELD = "csrfmiddlewaretoken"
# Which problems an operation may answer with, by what it is about.
EVERYWHERE = (400, 401, 403, 413, 422)
OF_ONE_THING = (404,)
OF_INVITING = (409, 503)
OF_THE_GRAPH = (404, 409, 503)
OF_TOKENS = (429,)


class FieldProblem(Schema):
    """One field that cannot be taken."""

    field: str
    problem: str


class ProblemOut(Schema):
    """RFC 9457. `code` is stable; `detail` and `way_on` are sentences for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: list[FieldProblem] = []
    way_on: str = ""


class FormsToo(Parser):
    """Reads JSON, and what a form of a page sends; a form with nothing but its CSRF token counts as no body."""

    def parse_body(self, request: HttpRequest) -> Any:
        """The body as Python values."""
        if request.content_type not in FORMS:
            return super().parse_body(request)
        fields = {name: value for name, value in request.POST.items() if name != CSRF_FIELD}
        return fields or None


class ElonaraAPI(NinjaAPI):
    """Ninja, with problems in its description and answers that no cache keeps."""

    def __init__(self, **options: Any) -> None:
        super().__init__(parser=FormsToo(), **options)

    def create_temporal_response(self, request: HttpRequest) -> HttpResponse:
        """Tokens and private lists stay out of caches (RFC 6749, section 5.1)."""
        response = super().create_temporal_response(request)
        response["Cache-Control"] = "no-store"
        return response

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        """The description, with the problems that each operation can answer with."""
        schema = super().get_openapi_schema(**options)
        model = ProblemOut.model_json_schema(ref_template="#/components/schemas/{model}")
        schema["components"]["schemas"] |= {**model.pop("$defs", {}), "ProblemOut": model}
        for path, methods in schema["paths"].items():
            for operation in methods.values():
                for status in _problems(path, "requestBody" in operation):
                    operation["responses"].setdefault(status, _described(status))
        return schema


def _problems(path: str, has_body: bool) -> set[int]:
    found = set(EVERYWHERE if has_body else (401, 403, 422))
    found.update(OF_ONE_THING if "{" in path else ())
    found.update(OF_INVITING if "invitations" in path else ())
    found.update(OF_THE_GRAPH if "/me/bluesky/" in path else ())
    found.update(OF_TOKENS if path.endswith("/tokens") else ())
    return found


def _described(status: int) -> dict[str, Any]:
    content = {PROBLEM: {"schema": {"$ref": "#/components/schemas/ProblemOut"}}}
    return {"description": HTTPStatus(status).phrase, "content": content}
