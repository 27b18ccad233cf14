"""Judges and tells: what a drill cost, from the records of its run alone.

    shapes.py, folder.py    what lies in a run folder, and reading it however torn it is
    values.py, lines.py     its values, of exactly their types; its rows, however many
    outages.py, ledgers.py  the arithmetic: requests -> outages, writes -> losses
    trial.py                was it a valid experiment, and was everything put back
    recovery.py, data.py    RTO and RPO, each with what it proves
    outcome.py, measures.py the verdict: `judge(drill folder) -> Outcome`, pure
    runs.py, score.py       a whole run, and what it is worth
    words.py, terminal.py   how it is told; `python -m reports show`
    calibration.py          how exact the meter was found to be on this machine
    record.py               the harness's own records, written whole or not at all

May import: nothing of the house.  A run folder is enough, on any machine, at any time.
"""

from reports.runs import judge_run

__all__ = ["judge_run"]
