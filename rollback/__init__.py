"""The door through which everything is hurt, and the stop that puts everything back.

guard      the door: refuse, record, inject, prove the bite
session    who may inject: permit, watchdog, the drill it is in, the targets that are its alone
lock       one drill at a time per target; lockfile: the file that users share for it
records    what is on record of an injection, and reading it from anywhere
journal    the records on disk, one file each
stop       heals what is open, looks, and closes the record
emergency  the red button: told to everybody, put back kind by kind, looked at, reported
marks      who pressed it, when and why, for running drills
health     the six points that are looked at afterwards
byhand     commands for a person where the stop failed
watchdog   a detached process that stops when the harness cannot
arming     what may be hurt, when, and with whose approval
signals    deaths that Python can hear
actions    the door and the stop as chaostoolkit activities
__main__   `python -m rollback stop | list | verify`

May import: targets, experiments.faults; health alone also probes, when it looks.  Works without pytest and without
chaostoolkit.
"""
