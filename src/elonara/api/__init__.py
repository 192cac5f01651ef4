"""The JSON API, version 1, for other programs: one module per resource, its schemas beside its routes.

It calls the same actions and queries as the pages and adds only what HTTP needs: tokens, problem+json, OpenAPI. No
rule about who may do what lives here, and nothing here imports the pages.
"""
