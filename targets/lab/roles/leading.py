"""Whether a PostgreSQL server leads, asked of the server itself: its timeline, "soon", or nothing.

An old primary that is started while a standby is being promoted must not look past it: it would be a second primary.
A promotion shows from its first moment to its last.  `pg_promote` writes the file `promote` before it tells anybody;
the startup process removes it and marks the promotion as triggered in the same breath; from then on the server
refuses to resume its replay, which on any other standby changes nothing.
"""

SOON = "soon"
# the first eight digits of a WAL file's name are the timeline in force, also right after a promotion
_QUESTION = f"""select case
  when not pg_is_in_recovery() then substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
  when exists (select from pg_ls_dir('.') as file where file = 'promote') then '{SOON}'
end"""  # noqa: S608  words of our own
_RESUME = "select pg_wal_replay_resume() where pg_is_in_recovery()"
WORDS = ("-c", _QUESTION, "-c", _RESUME)  # of psql; in this order, for what the first sees too early the second sees
_REFUSALS = ("standby promotion is ongoing", "recovery is not in progress")  # of the second: it is, or has just been


def understood(answer: str, errors: str) -> str:
    """Make one word of what psql printed: a timeline in hexadecimal, "soon", or "" for a standby."""
    said = answer.strip()
    return said or (SOON if any(words in errors for words in _REFUSALS) else "")
