"""What conftest.py makes its fixtures from: the house's topmost floor, beside the suites, which see fixtures only.

    asked      what a drill asks for, read and checked before anything is hurt
    play       one drill: the client, the experiment, the undo, the verdict
    planned    --plan
    screen     the phase, the availability and the RTO clock, while a drill runs
    telling    what pytest's terminal says of it
    workers    xdist's workers get the time to put everything back

May import: every room.
"""
