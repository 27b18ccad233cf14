"""How the client speaks to servers: no retries, no hidden commands, and the moment of sending is known.

May import: `probes.attempt` and `probes.pool`.
"""
