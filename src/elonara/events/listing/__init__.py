"""Lists of events: narrowed to some days, to one community, to events with places left.

The lists themselves are in `elonara.events.queries`.
"""
