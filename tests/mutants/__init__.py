"""The mutation campaign: lines of ours that somebody could write wrong, each with the tests that notice it.

`table` holds the wrong lines, `campaign` tries them in copies of the tree, `page` writes docs/mutants.md. It is run by
`script/mutants`. Nothing here changes a file of the checkout but that page.
"""
