"""The parts of bench/attacker.py: its routes, the site that is attacked, and the load."""
