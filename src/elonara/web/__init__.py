"""The pages: a folder or module per noun, with its forms beside its views.

A view reads a form, calls one action and redirects; rules and permissions live in the actions. Nothing here is
imported by the API.
"""
