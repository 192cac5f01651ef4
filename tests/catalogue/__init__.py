"""The catalogue of the sentences that people read: what is marked for gettext in Python and in templates.

`script/messages` writes it (`__main__.py`). Babel reads the sentences and compiles the files, so that no tools of the
system are needed; templates go through Django's own `templatize` first.
"""
