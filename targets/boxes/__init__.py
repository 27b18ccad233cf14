"""The lab as containers, one for each node: what `targets.containers` is made of.

engine     the Docker engine, or why there is none
image      the lab's image, built once and kept under the hash of what it is made of
layout     addresses, doors, descriptions and labels of a lab, before anything is there
build      brings it up, through testcontainers; takes away what is left of labs whose owners are dead
keeper     a process that takes a lab away when its owner dies
commands   commands and files where a node is; files: for the settings
front      words with the lab's front: links and the rules on them; reach: with the kernel's part
nodes, changes, loads    what can be done to the nodes
plugs      taking any container off its networks
target     the lab that is up, as a target

A user's own compose project (`targets.compose`) needs besides:

project    the project, as a target; services: its containers; answering: what they answer
hand       a helping container, for what those of others lack; silence: cuts between them; burners: load in them
"""
