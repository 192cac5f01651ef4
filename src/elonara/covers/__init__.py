"""Covers: the drawn pictures of events, the colours that they give to pages, and which event gets which.

A cover is a drawing in a palette. `choice` picks both from an event's title and mood, `shapes` and `drawings` are the
drawings as data, `svg` writes them for pages, `raster` and `share_picture` make the JPEG that other sites show. Nothing
here knows events, Django or settings, and Pillow is loaded by a process of its own alone.

Covers are static files (`web/static/covers/lake-dawn.svg`), written by `make` and no addresses of events: all events
with the same cover share one file, which every cache may keep; it takes no query and no permission, and so it is the
same on pages that are read by a link alone; and it tells nobody whether a private event exists.
"""
