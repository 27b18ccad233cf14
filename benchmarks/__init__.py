"""What the README's figures come from: `python -m benchmarks NAME [--json]`, one module per name.

    meter      the client and the judge against known outages and known losses; calibrates this machine
    peers      the same outages, seen by what people use today
    lab        how long the embedded lab takes to come up
    suite      how long the drills take, and what of it is overhead
    sampler    how many endpoints one core can watch before the client lags
    judge      how long a million ledger rows take to judge
    kill       harnesses that die at random moments: what is left, who heals, how fast
    kit/       what they share: conditions, figures, tables, progress, the scripted service, a look at the world

A benchmark is a module with a docstring whose first line says what it measures, `arguments(parser)`, and
`measure(options, say) -> Result`.  `__main__` finds it by its name, prints the conditions before and the figures
after, and exits 1 when a figure falls short of its goal, 2 for bad input.

May import: `targets`, `experiments`, `probes`, `rollback`, `reports`; nothing of the house imports it but the tests.
"""
