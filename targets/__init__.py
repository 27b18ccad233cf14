"""Where a drill runs: protocols, the embedded target, the lab and the systems' descriptions.

May import: nothing of the house.  Everything above may import this room.
"""
