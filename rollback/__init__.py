"""The door through which everything is hurt, and the stop that puts everything back.

guard      the door: refuse, record, inject, prove the bite
journal    the records on disk, one file each
stop       heals what is open, looks, and closes the record
watchdog   a detached process that stops when the harness cannot
arming     what may be hurt, when, and with whose approval
signals    deaths that Python can hear
actions    the door and the stop as chaostoolkit activities
__main__   the red button: `python -m rollback stop | list | verify`

May import: targets, experiments.faults.  Works without pytest and without chaostoolkit.
"""
