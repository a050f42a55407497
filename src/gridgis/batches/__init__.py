"""Tables larger than memory: read, located or counted, and written a batch of rows at a time.

`streams` and `sources` read, `personal` and `counts` keep what is to be known of all rows, `parts` and `writing` write,
`files` puts them together: `locate_file` and `count_file`. `gridgis.scale` does the same on many machines.
"""
