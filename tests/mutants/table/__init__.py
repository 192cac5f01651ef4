"""The wrong lines by subject: a module for each."""

from tests.mutants.table import (
    browser,
    caps,
    consent,
    delivery,
    graph,
    guest_messages,
    network,
    oauth,
    own_data,
    permissions,
    places,
    refresh,
    secrets,
)

SUBJECTS = {
    "Delivery": delivery.MUTANTS,
    "Consent": consent.MUTANTS,
    "Caps": caps.MUTANTS,
    "What guests are told": guest_messages.MUTANTS,
    "OAuth": oauth.MUTANTS,
    "Refresh of tokens": refresh.MUTANTS,
    "Permissions": permissions.MUTANTS,
    "Guests' data, exports, accounts, reports": own_data.MUTANTS,
    "The stored graph": graph.MUTANTS,
    "Places and the waiting list": places.MUTANTS,
    "Secrets, sessions and backups": secrets.MUTANTS,
    "Other servers: addresses and parsing": network.MUTANTS,
    "Forms, links and signing in": browser.MUTANTS,
}
ALL = tuple(mutant for mutants in SUBJECTS.values() for mutant in mutants)
