"""One pass over the lists of a member: followers, follows, and who is in neither any more.

`ahead` reads pages from the network, `one_pass` stores them for a few seconds at a time, `departed` removes people in
small batches. When a pass is due is decided in `graph.sync`, how people are written in `graph.store`.
"""
