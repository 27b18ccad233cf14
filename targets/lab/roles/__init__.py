"""Launchers, one program per part: `python -m targets.lab.roles.<part> NODE.json` prepares and becomes the server.

They know other parts only by the doors in NODE.json, so that child processes, containers and pods use the same ones.
NODE.json: {"name", "socket" (Unix socket to listen on, in the working directory), "doors": {node: "host:port"},
"archive" (folder of archived WAL), "urls": {component: url}}.  Standard library only.
"""
