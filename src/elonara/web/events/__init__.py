"""Pages of events: list, show, create, edit, cancel, answer, and the co-hosts.

Views and forms only; places, times and permissions are decided in `elonara.events`. Managing its invitations is in
`web/invitations`.
"""
