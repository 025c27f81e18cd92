"""What a route declares about how it is served, one file each: `wrap(call, route) -> call`.

Law: a policy is a frozen, keyword-only Struct; it joins HTTP to a capability and holds no algorithm of its own. It is
applied once, at start; a route without it never meets it. The order of policies is their category's, never the order
of registration.
"""
