"""Pages of communities: the list, one community, making and changing it, belonging to it.

Views and forms only; roles and who may see what are decided in `elonara.communities`. Managing its invitations is in
`web/invitations`.
"""
