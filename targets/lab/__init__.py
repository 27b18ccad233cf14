"""The sample system: real servers as child processes of a small supervisor.

    keeper      parent of the supervisor; when that dies, whatever the reason, kills the rest and clears the folder
    supervisor  starts the nodes, restarts what a kubelet would, runs the links, answers on control.sock
    links       one TCP front door per server: every connection between the parts, and from outside, goes through it
    volumes     a file system of its own for each PostgreSQL node's WAL, in memory, that nobody outside sees
    roles/      one launcher per part: prepares, then becomes the real server; knows nothing of the supervisor
    service/    the lab's own programs: the HTTP API and the queue worker

May import: targets.target and targets.places; `service` imports nothing of the house.
"""
