"""Windows: rivals in groups, tokens in cells, and what is concluded from the bounds on them. Shared by the
`separable-windows` rules.

centred.py        exact tables with the common parts of rows moved where they cancel
scores.py         scores of which a lower triangle may be bounded instead of computed
lists.py          the largest entries of a row outside a set, from hinted lists
cells.py          the hints that say which rivals stand alone and which tokens are taken together
levels.py         enclosed terms of the groups on the cells
conclusions.py    whole blocks and counts
"""
