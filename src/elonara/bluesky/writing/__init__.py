"""How posts are written: the port `BlueskyAgent`, its two backends, and the factory that alone reads the mode.

Callers know `agent.py` and `factory.py`; which credential is used for which account is decided behind them. Records
are created in the two agents alone, and nothing here stores the state of an invitation.
"""
