"""What can be set to work beside a node: one program per kind, `python -I -S <kind>.py SECONDS [KEY=VALUE ...]`.

It runs in the node's folder (node.json says where everybody is), ends by itself after SECONDS even when everybody
else is dead, and holds nothing that outlives it.  Standard library only, without the house.
"""

from pathlib import Path

PROGRAMS = Path(__file__).parent
