"""Events: hosts, times, answers, guests, calendar files and cards."""
