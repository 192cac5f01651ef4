"""E-mails to guests about an event: what `events/messages` has written down leaves by the queue of `delivery`.

`reach` says where a guest's e-mail goes, or why there is none; `message` writes it; `stopping` ends them;
`host_messages` are words of a host; `told` shows on pages what somebody was told. Invitations: see `email`.
"""
