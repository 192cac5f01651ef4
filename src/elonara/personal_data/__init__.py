"""What a person can have and take with her: everything that is kept about her, and the end of her account.

`export` reads, `deletion` ends. Both see every table; pages and API call them, and nothing below knows them. What
others wrote about her in private, and what they answered, is theirs and stands in no export.
"""
