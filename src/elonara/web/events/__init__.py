"""Pages of events: the list, one event, making and changing it, answering on its page.

Views and forms only; places, times and permissions are decided in `elonara.events`. Managing its invitations is in
`web/invitations`.
"""
