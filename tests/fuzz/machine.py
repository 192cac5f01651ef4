"""The state machine: chains of calls as the OpenAPI schema links them, each answer checked and counted."""

from __future__ import annotations

import contextlib
import random
import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import hypothesis
from schemathesis.core.failures import FailureGroup
from schemathesis.generation.stateful.state_machine import APIStateMachine
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

STEPS = 12  # calls of one scenario at most
SCENARIOS = 200  # of one batch
CALLS = 8  # of a scenario, about
REMEMBERED = 30  # things of one kind
TOKEN_SECONDS = 10  # then `issue` is asked again, which also begins a new day for what a member may create


def no_server_error(_context: Any, response: Any, _case: Any) -> None:
    """No answer of 500 and above, 503 neither: the network beside the site answers."""
    assert response.status_code < 500, f"{response.status_code}: {response.text[:300]}"


WITHOUT_TOKEN = {"POST /api/v1/tokens"}  # there a 401 is about the password
CHECKS = [
    no_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


@dataclass
class Tally:
    """What was called and what came back.

    `issue` makes a token of whoever calls. `known` is what means something on this site: `dids`, `handles` and `names`
    of people from the beginning; `events`, `communities` and `invitations` as calls make or list them.
    """

    issue: Callable[[], str] = field(repr=False)
    wanted: int
    known: dict[str, list[str]]
    statuses: dict[str, Counter[int]] = field(default_factory=dict)
    linked: Counter[str] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)
    _token: str = field(default="", repr=False)
    _issued_at: float = 0.0

    @property
    def token(self) -> str:
        """A token that is good still."""
        if not self._token or time.monotonic() - self._issued_at > TOKEN_SECONDS:
            self._token, self._issued_at = self.issue(), time.monotonic()
        return self._token

    @property
    def cases(self) -> int:
        """How many calls were made."""
        return sum(sum(found.values()) for found in self.statuses.values())

    def note(self, case: Any, response: Any, *, linked: bool) -> None:
        """Count one answer, and keep what is wrong about it: one of a kind, so that a run finds more than one."""
        name = case.operation.label
        self.statuses.setdefault(name, Counter())[response.status_code] += 1
        self.linked[name] += linked
        if response.status_code == 401 and name not in WITHOUT_TOKEN:
            self.failures.setdefault(f"{name} 401", "The token was refused, so nothing behind it was tried.")
        if response.status_code < 300 and response.content:
            self._remember(case.operation.path.split("/")[3], response.json())
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as group:
            for fault in group.exceptions:
                self.failures.setdefault(f"{name} {response.status_code} {type(fault).__name__}", str(group))
        except AssertionError as fault:
            self.failures.setdefault(f"{name} {response.status_code}", str(fault))

    def _remember(self, noun: str, answer: Any) -> None:
        found = {noun: [answer["slug"]]} if "slug" in answer else {}
        if isinstance(answer.get("invitations"), list):
            found["invitations"] = [row["id"] for row in answer["invitations"]]
        for kind, names in found.items():
            kept = self.known.setdefault(kind, [])
            kept += names
            del kept[:-REMEMBERED]


def with_our_token(schema: Any) -> Any:
    """The schema without its security scheme: else half of the calls go without a token, which another test tries."""
    schema.raw_schema["components"].pop("securitySchemes", None)
    for operations in schema.raw_schema["paths"].values():
        for operation in operations.values():
            operation.pop("security", None)
    return schema


def make_sensible(case: Any, known: Mapping[str, Sequence[str]], *, linked: bool = False) -> None:
    """Put what exists and what lies ahead into most of the well-formed calls, or few of them would change anything.

    Which ones depends on the case alone, so that hypothesis can repeat it.
    """
    body = case.body
    if case.meta.generation.mode.is_negative:
        return
    chance = random.Random(zlib.crc32(repr((case.path_parameters, body)).encode("utf-8", "backslashreplace")))
    noun = case.operation.path.split("/")[3]
    which = case.operation.path.split("/")[4].strip("{}") if case.path_parameters else ""
    if which and not linked and known.get(noun) and chance.random() < 0.8:
        case.path_parameters |= {which: chance.choice(known[noun])}
    if not isinstance(body, dict):
        return
    if "starts_at" in body and chance.random() < 0.8:
        starts = datetime.now(UTC) + timedelta(days=chance.randint(1, 300))
        body |= {"starts_at": starts.isoformat(), "ends_at": None}
        body.pop("timezone", None)
        body.pop("community", None)
    for name in ("dids", "handles"):
        if isinstance(body.get(name), list) and chance.random() < 0.7:
            body[name] = [chance.choice(known[name]), *body[name]]
    if "member" in body and chance.random() < 0.7:
        body["member"] = chance.choice(known["names"])


def machine_of(schema: Any, tally: Tally) -> type[APIStateMachine]:
    """The machine for this schema, calling with the token of `tally`."""

    class Machine(schema.as_state_machine()):  # type: ignore[misc]
        def step(self, given: Any) -> Any:
            self._linked = given.transition is not None and given.is_applied
            return super().step(given)

        def before_call(self, case: Any) -> None:
            make_sensible(case, tally.known, linked=self._linked)

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"headers": {"Authorization": f"Bearer {tally.token}"}}

        def validate_response(self, response: Any, case: Any, *_: Any, **__: Any) -> None:
            tally.note(case, response, linked=self._linked)

    return Machine


def run(schema: Any, tally: Tally, seed: int) -> None:
    """Make as many cases as are wanted, or a few more: in batches, so that the first calls are always others."""
    while tally.cases < tally.wanted:
        settings = hypothesis.settings(
            max_examples=max(1, min(SCENARIOS, (tally.wanted - tally.cases) // CALLS)), stateful_step_count=STEPS,
            deadline=None, database=None, phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )  # fmt: skip
        machine = hypothesis.seed(seed)(machine_of(schema, tally))
        # What a call answers depends on earlier scenarios too; hypothesis says so where it looks back.
        with contextlib.suppress(hypothesis.errors.Flaky):
            machine.run(settings=settings)
        seed += 1


def run_unlinked(schema: Any, tally: Tally, seed: int, each: int) -> None:
    """The calls that no other one leads to, on their own."""
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.label in tally.statuses:
            continue

        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=each, deadline=None, database=None, phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )  # fmt: skip
        @hypothesis.given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            make_sensible(case, tally.known)
            response = case.call(headers={"Authorization": f"Bearer {tally.token}"})
            tally.note(case, response, linked=False)

        ask()
