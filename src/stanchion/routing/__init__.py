"""From a declared route to the one closure that serves it.

Law: everything here runs at start, except `Tree.find` and the closures it compiles. The tree is dicts, a look-up a
segment, no regular expression; a closure holds only what its route uses, and its source can be printed.
"""
