"""Registers the jobs of this floor, for processes that run jobs."""

from __future__ import annotations

from elonara.housekeeping import errands

errands.register()
