"""Which keys the stored secrets are sealed under, and what is done when some of them are missing.

`in_use` compares the database with the key ring; `abandoned` clears away what was sealed under a key that is lost for
good. Sealing itself is `elonara.sealing`, and which columns are sealed is decided where their models are.
"""
