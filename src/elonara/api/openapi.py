"""What all operations share: parsing of bodies, headers of responses, and error responses in the OpenAPI schema."""

from __future__ import annotations

import json
import threading
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language
from ninja import NinjaAPI, Schema
from ninja.openapi.schema import OpenAPISchema
from ninja.parser import Parser

PROBLEM = "application/problem+json"
FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}
CSRF_FIELD = "csrfmiddlewaretoken"
# Error statuses that are documented for each kind of operation.
WITH_BODY = (400, 401, 403, 413, 422)
WITHOUT_BODY = (401, 403, 422)
WITH_PATH_PARAMETER = (404,)
ON_INVITATIONS = (409, 503)
ON_THE_GRAPH = (404, 409, 503)
ON_PEOPLE = (400,)  # a cursor that we did not give
ON_TOKENS = (429,)


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


class NotAnObject(ValueError):
    """The body is JSON, and not an object: a 422, while what is no JSON is a 400."""


class JsonOrFormParser(Parser):
    """Parses JSON objects and form-encoded bodies; a form with only its CSRF token counts as no body."""

    def parse_body(self, request: HttpRequest) -> Any:
        """The body as Python values; None for an empty form. Raises ValueError."""
        if request.content_type not in FORMS:
            found = super().parse_body(request)
            # ninja would take a string for the first field of the schema.
            if not isinstance(found, dict | None):
                raise NotAnObject
            # Half of a surrogate pair, such as "\ud800": JSON can write it, and no database can store it.
            if b"\\ud" in request.body.lower():
                json.dumps(found, ensure_ascii=False).encode()
            return found
        fields = {name: value for name, value in request.POST.items() if name != CSRF_FIELD}
        return fields or None


class ElonaraAPI(NinjaAPI):
    """NinjaAPI with error responses in its OpenAPI schema, and responses that are not cached."""

    def __init__(self, **options: Any) -> None:
        super().__init__(parser=JsonOrFormParser(), **options)
        self._described: dict[str, OpenAPISchema] = {}
        self._describing = threading.Lock()

    def create_temporal_response(self, request: HttpRequest) -> HttpResponse:
        """Add `Cache-Control: no-store`: responses contain tokens (RFC 6749, section 5.1) and private lists."""
        response = super().create_temporal_response(request)
        response["Cache-Control"] = "no-store"
        return response

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        """The OpenAPI schema with the error responses of each operation; callers do not change it.

        Making it takes a quarter of a second of CPU, and anybody may ask for it: it is made once for each language.
        """
        with self._describing:
            language = get_language() or ""
            if language not in self._described:
                self._described[language] = self._describe(**options)
            return self._described[language]

    def _describe(self, **options: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**options)
        model = ProblemOut.model_json_schema(ref_template="#/components/schemas/{model}")
        schema["components"]["schemas"] |= {**model.pop("$defs", {}), "ProblemOut": model}
        for path, methods in schema["paths"].items():
            for operation in methods.values():
                for status in _error_statuses(path, "requestBody" in operation):
                    operation["responses"].setdefault(status, _error_response(status))
        return schema


def _error_statuses(path: str, has_body: bool) -> set[int]:
    found = set(WITH_BODY if has_body else WITHOUT_BODY)
    found.update(WITH_PATH_PARAMETER if "{" in path else ())
    sends = any(part in path for part in ("invitations", "/posts", "/messages"))
    found.update(ON_INVITATIONS if sends else ())
    found.update(ON_THE_GRAPH if "/me/bluesky/" in path else ())
    found.update(ON_PEOPLE if "/me/bluesky/" in path and not path.endswith("/sync") else ())
    found.update(ON_TOKENS if path.endswith("/tokens") else ())
    return found


def _error_response(status: int) -> dict[str, Any]:
    content = {PROBLEM: {"schema": {"$ref": "#/components/schemas/ProblemOut"}}}
    return {"description": HTTPStatus(status).phrase, "content": content}
