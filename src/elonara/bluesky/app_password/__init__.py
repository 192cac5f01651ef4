"""App passwords: those that members give on a form, and the one of the site's relay account from the settings.

Their sessions are created rarely, kept sealed and refreshed under a lease, because servers count `createSession` per
day. No OAuth token is read here, and nothing here reads whom a member knows.
"""
