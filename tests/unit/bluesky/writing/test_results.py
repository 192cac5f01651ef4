"""What each kind of failure means to delivery."""

from datetime import UTC, datetime

import pytest

from elonara.atproto.errors import AddressRefused, ErrorKind, IdentityError, NetworkError, XrpcError
from elonara.bluesky.reasons import SENTENCES
from elonara.bluesky.refresh_lease import SessionEnded, TryLater
from elonara.bluesky.writing.repo_writer import BY_KIND, NoCredential, checked_record, failure

RESETS_AT = datetime(2026, 12, 1, tzinfo=UTC)


def xrpc(kind, **fields):
    return XrpcError(400, "Error", "words of the server", kind=kind, **fields)


@pytest.mark.parametrize(
    ("fault", "reason", "flags"),
    [
        (xrpc(ErrorKind.RATE_LIMITED), "rate_limited", {"retryable"}),
        (xrpc(ErrorKind.SCOPE_MISSING), "scope_missing", {"needs_reauth"}),
        (xrpc(ErrorKind.TOKEN_INVALID), "token_refused", {"retryable"}),
        (xrpc(ErrorKind.WRONG_SCHEME_OR_HOST), "wrong_scheme_or_host", set()),
        (xrpc(ErrorKind.INVALID_DPOP_PROOF), "clock", {"retryable"}),
        (xrpc(ErrorKind.RECORD_EXISTS_OR_SERVER), "server", {"retryable", "ambiguous"}),
        (xrpc(ErrorKind.SERVER_ERROR), "server", {"retryable", "ambiguous"}),
        (xrpc(ErrorKind.MALFORMED_RESPONSE), "server", {"retryable", "ambiguous"}),
        (xrpc(ErrorKind.RECORD_NOT_FOUND), "record_not_found", {"absent"}),
        (xrpc(ErrorKind.BLOB_NOT_FOUND), "blob_not_found", {"retryable"}),
        (xrpc(ErrorKind.ACCOUNT_DEACTIVATED), "account_deactivated", {"retryable"}),
        (xrpc(ErrorKind.ACCOUNT_TAKENDOWN), "account_takendown", {"retryable"}),
        (xrpc(ErrorKind.ACCOUNT_NOT_FOUND), "account_gone", set()),
        (xrpc(ErrorKind.BAD_REQUEST), "record_refused", set()),
        (NetworkError("x", ambiguous=True), "no_answer", {"retryable", "ambiguous"}),
        (NetworkError("x", ambiguous=False), "unreachable", {"retryable"}),
        (AddressRefused("x"), "address_refused", set()),
        (IdentityError("x", reason="did_not_found"), "account_gone", set()),
        (IdentityError("x", reason="unreachable"), "unreachable", {"retryable"}),
        (SessionEnded("revoked"), "revoked", {"needs_reauth"}),
        (TryLater("busy", 5), "busy", {"retryable"}),
        (NoCredential("other_author"), "other_author", set()),
    ],
)
def test_each_failure_has_its_reason_and_flags(fault, reason, flags):
    result = failure(fault)
    assert not result.success
    assert result.reason == reason
    names = {"retryable", "needs_reauth", "ambiguous", "absent"}
    assert {name for name in names if getattr(result, name)} == flags
    assert reason in SENTENCES
    assert result.error_message.startswith(SENTENCES[reason])


def test_the_servers_times_are_passed_on():
    result = failure(xrpc(ErrorKind.RATE_LIMITED, retry_after=30.0, resets_at=RESETS_AT))
    assert (result.retry_after, result.resets_at) == (30.0, RESETS_AT)


def test_the_servers_message_is_shown_where_it_helps():
    assert "words of the server" in failure(xrpc(ErrorKind.BAD_REQUEST)).error_message
    assert "words of the server" not in failure(xrpc(ErrorKind.SERVER_ERROR)).error_message


def test_no_fault_of_ours_asks_the_member_to_reauthorize():
    for kind in (ErrorKind.WRONG_SCHEME_OR_HOST, ErrorKind.INVALID_DPOP_PROOF, ErrorKind.USE_DPOP_NONCE):
        assert not BY_KIND[kind].needs_reauth


def test_every_sentence_ends_with_a_full_stop_and_has_no_exclamation_mark():
    for words in SENTENCES.values():
        assert words.endswith(".")
        assert "!" not in words


@pytest.mark.parametrize("cid", [None, "", "b" * 101, "bafy\x00", 7])
def test_a_response_with_a_cid_that_no_row_can_store_is_refused(cid):
    response = {"uri": "at://did:plc:host/app.bsky.feed.post/3kznmn7xqxl22", "cid": cid}
    with pytest.raises(XrpcError) as fault:
        checked_record(response, "did:plc:host", "3kznmn7xqxl22")
    assert failure(fault.value).ambiguous
