"""Validation of what people enter about an event: a sentence for each wrong field."""
