"""Property tests: every response matches the OpenAPI schema of the API, whatever a client sends."""

import hypothesis
import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.test import Client
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.fuzz import machine

from elonara.api import tokens
from elonara.invitations import actions as invitations
from elonara.invitations.models import Invitation


def no_server_error(_ctx, response, _case):
    """No server error, except 503: Bluesky cannot be reached."""
    assert response.status_code < 500 or response.status_code == 503


CHECKS = [
    no_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# Derandomized, so that failures are reproducible and the run time is constant.
bounded = hypothesis.settings(
    max_examples=12, deadline=None, derandomize=True, database=None, suppress_health_check=list(hypothesis.HealthCheck)
)


# The schema as the site serves it; calls go to the WSGI application.
schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application())


@pytest.fixture
def headers(alice, graph):
    return {"Authorization": f"Bearer {tokens.issue(alice).access_token}"}


@pytest.fixture
def known(alice, picnic, chess):
    """Path parameters of objects that exist, by the first segment of the path."""
    invitations.invite(alice, picnic, ["did:plc:dan"])
    return {"events": picnic.slug, "communities": chess.slug, "invitations": str(Invitation.objects.get().pk)}


@pytest.mark.every_value_on_postgres
@pytest.mark.promise("api-as-described")
@schema.parametrize()
@bounded
def test_any_request_gets_a_documented_response(case, headers):
    case.call_and_validate(headers=headers, checks=CHECKS)


@pytest.mark.every_value_on_postgres
@schema.include(path_regex=r"\{").parametrize()
@bounded
def test_any_request_about_existing_objects_gets_a_documented_response(case, headers, known):
    noun = case.operation.path.split("/")[3]
    case.path_parameters = dict.fromkeys(case.path_parameters or {}, known[noun])
    if isinstance(case.body, dict) and isinstance(case.body.get("dids"), list):
        case.body["dids"] = ["did:plc:bob", *case.body["dids"]]
    case.call_and_validate(headers=headers, checks=CHECKS)


@pytest.mark.promise("api-as-described")
@schema.parametrize()
@hypothesis.settings(bounded, max_examples=5)
def test_without_a_valid_token_every_call_is_401(case, site):
    response = case.call(headers={"Authorization": "Bearer nonsense"})
    case.validate_response(response, checks=CHECKS)
    assert response.status_code >= 400


@pytest.mark.promise("api-as-described")
@pytest.mark.parametrize("operator", [False, True])
def test_chains_of_calls_get_documented_answers(operator, alice, graph, make_member, picnic, chess):
    """A sample of `script/fuzz`: what one call answers goes into the next."""
    alice.is_superuser = alice.is_staff = operator
    alice.save()
    make_member("dan", "did:plc:dan")
    invitations.invite(alice, picnic, ["did:plc:dan"])
    known = {
        "dids": ["did:plc:bob", "did:plc:carol", "did:plc:eve"], "handles": ["bob.example"], "names": ["dan"],
        "events": [picnic.slug], "communities": [chess.slug], "invitations": [str(Invitation.objects.get().pk)],
    }  # fmt: skip
    chained = machine.with_our_token(schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application()))
    tally = machine.Tally(lambda: tokens.issue(alice).access_token, 40, known)
    machine.run(chained, tally, seed=1)
    machine.run_unlinked(chained, tally, seed=1, each=2)
    assert not tally.failures, "\n".join(tally.failures.values())
    assert sum(tally.linked.values()) > 5
    assert len(tally.statuses) > 10


def test_a_run_whose_token_is_refused_does_not_pass():
    """Else it would go on, green, and try nothing but the refusal."""
    chained = machine.with_our_token(schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application()))
    tally = machine.Tally(
        lambda: "no token", 5, {"names": ["dan"], "dids": ["did:plc:dan"], "handles": ["dan.example"]}
    )
    machine.run_unlinked(chained, tally, seed=1, each=1)
    assert "GET /api/v1/me 401" in tally.failures
    assert not [name for name in tally.failures if "/tokens" in name]


def test_every_call_is_described_once(site):
    described = Client().get("/api/v1/openapi.json").json()
    ids = [call["operationId"] for calls in described["paths"].values() for call in calls.values()]
    assert len(ids) == len(set(ids)) == 68
    assert all(
        call["summary"] and call["description"] for calls in described["paths"].values() for call in calls.values()
    )
    open_to_all = [
        (path, method)
        for path, calls in described["paths"].items()
        for method, call in calls.items()
        if not call.get("security")
    ]
    assert open_to_all == [("/api/v1/tokens", "post")]


def test_unknown_paths_and_methods_are_problems_too(nobody, program, problem):
    problem(nobody.get("/no-such-call"), 404, "not_found")
    document = problem(program.post("/me"), 405, "method_not_allowed")
    assert "POST" in document["detail"]


@pytest.mark.promise("own-scripts")
def test_the_docs_load_nothing_from_other_sites(site):
    assert Client().get("/api/v1/")["Location"] == "/api/v1/docs"
    page = Client().get("/api/v1/docs").content.decode()
    assert "swagger-ui-bundle.js" in page
    assert "https://" not in page
    assert "//cdn" not in page


def test_a_body_that_is_too_large_is_413(program, problem, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    problem(program.post("/communities", {"name": "x" * 2000}), 413, "too_large")


def test_the_description_is_made_once(monkeypatch):
    first = Client().get("/api/v1/openapi.json")
    monkeypatch.setattr("ninja.main.get_schema", lambda **options: pytest.fail("made again"))
    assert Client().get("/api/v1/openapi.json").content == first.content
