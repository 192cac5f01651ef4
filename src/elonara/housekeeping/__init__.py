"""What a site does by itself so that it goes on working: renewing, clearing away, sending letters, saying how it is."""
