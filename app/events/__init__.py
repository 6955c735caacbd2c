"""Contracts: what travels between the parts, as frozen Structs and closed vocabularies.

Structs are not tracked by the garbage collector (``gc=False``): none can be part of a cycle, and a block
makes tens of thousands of them, whose repeated scanning took a third of the fold's time.
"""
