"""The wrong lines by subject: a module for each."""

from tests.mutants.table import browser, caps, consent, delivery, network, oauth, permissions, refresh, secrets

SUBJECTS = {
    "Delivery": delivery.MUTANTS,
    "Consent": consent.MUTANTS,
    "Caps": caps.MUTANTS,
    "OAuth": oauth.MUTANTS,
    "Refresh of tokens": refresh.MUTANTS,
    "Permissions": permissions.MUTANTS,
    "Secrets, sessions and backups": secrets.MUTANTS,
    "Other servers: addresses and parsing": network.MUTANTS,
    "Forms, links and signing in": browser.MUTANTS,
}
ALL = tuple(mutant for mutants in SUBJECTS.values() for mutant in mutants)
