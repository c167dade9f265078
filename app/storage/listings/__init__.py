"""What the lists and exports show: filters in, one bounded page of rows out.

Keyset pages only: a page costs the same wherever it lies, and nothing is counted.
"""
