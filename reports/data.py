"""RPO: what became of the writes that callers had been promised, and whether that keeps the objective.

A row that nobody wrote is a miss: each ledger's numbers belong to one drill and every attempt is on record before its
answer can be, so the store holds data that its callers did not put there.  (When the record of the writes is itself
cut off or mangled, it is only unproven.)  Duplicates are told, not judged: no promise was broken by them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reports.folder import Drill
from reports.ledgers import Books, books, loss_ns, wrote_until
from reports.outcome import Counts, Finding, missed, note, unproven
from reports.shapes import NS, FinalRead, Objective, Write
from reports.trial import Fault
from reports.words import duration, many, plain, with_bound


@dataclass(frozen=True, kw_only=True)
class Account:
    """One ledger, closed."""

    ledger: str
    books: Books
    rpo_ns: int | None  # None: not measured, and `doubts` say why
    doubts: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Data:
    """All judged ledgers; ns."""

    accounts: tuple[Account, ...]
    # of the ledger that kept its promise worst; None when nothing is known to be lost and some was not measured
    rpo_ns: int | None
    promised_s: float | None  # what that ledger was held to
    bound_ns: int
    counts: Counts


def measure(drill: Drill, objective: Objective, hit: Fault) -> Data:
    """Close the books of every judged ledger."""
    accounts = tuple(_account(drill, ledger, objective, hit) for ledger in objective.ledgers)
    beyond = {  # ns beyond what was promised -> ns lost, what was promised
        rpo - (promised or 0) * NS: (rpo, promised)
        for a in accounts
        if (rpo := a.rpo_ns) is not None
        for promised in (objective.promised(a.ledger),)
    }
    known = [a.rpo_ns for a in accounts if a.rpo_ns is not None]
    whole = bool(accounts) and len(known) == len(accounts)
    rpo_ns, promised_s = max(beyond.items())[1] if whole or any(known) else (None, objective.rpo_s)
    return Data(
        accounts=accounts,
        rpo_ns=rpo_ns,
        promised_s=promised_s,
        bound_ns=int(objective.interval_s * NS) + (hit.blur_ns if any(known) else 0),
        counts=_counts([a.books for a in accounts]),
    )


def _account(drill: Drill, ledger: str, objective: Objective, hit: Fault) -> Account:
    writes = [w for w in drill.writes if w.ledger == ledger]
    read = drill.final_reads.get(ledger)
    closed = books(writes, read)
    doubts = tuple(_doubts(drill, ledger, writes, read))
    rpo = None
    if closed.lost is not None:
        interval = int(objective.interval_s * NS)
        rpo = loss_ns(writes, closed.lost, t0_ns=hit.t0_ns, interval_ns=interval)
        if not rpo and not wrote_until(writes, struck_ns=hit.struck_ns, t0_ns=hit.t0_ns, objective=objective):
            doubts += (f"{ledger} had no write confirmed right before the fault",)
    return Account(ledger=ledger, books=closed, rpo_ns=rpo if rpo or not doubts else None, doubts=doubts)


def _doubts(drill: Drill, ledger: str, writes: Sequence[Write], read: FinalRead | None) -> Iterator[str]:
    if not writes:
        yield f"{ledger} wrote nothing"
    if read is None:
        yield f"there is no final read of {ledger}"
    elif not read.complete:
        yield f"the final read of {ledger} is not complete: {plain(read.error or 'no reason given')}"
    if "writes.jsonl" in drill.torn:
        yield "writes.jsonl was cut off in its last line"
    elif writes and "writes.jsonl" in drill.problems:
        yield "writes.jsonl is not whole"


def _counts(every: Sequence[Books]) -> Counts:
    def total(numbers: list[int | None]) -> int | None:
        known = [n for n in numbers if n is not None]
        return sum(known) if known else None

    return Counts(
        attempted=sum(b.attempted for b in every),
        acked=sum(b.acked for b in every),
        unknown=sum(b.unknown for b in every),
        lost=total([None if b.lost is None else len(b.lost) for b in every]),
        recovered=total([None if b.recovered is None else len(b.recovered) for b in every]),
        unexpected=total([None if b.unexpected is None else len(b.unexpected) for b in every]),
        duplicates=total([b.duplicates for b in every]),
    )


def findings(data: Data, objective: Objective) -> Iterator[Finding]:
    """Hold the books against the objective."""
    for account in data.accounts:
        yield from (unproven(f"RPO not measured: {doubt}") for doubt in account.doubts)
        yield from _lost(account, objective, data.bound_ns)
        foreign = len(account.books.unexpected or ())
        if foreign:
            says = f"{account.ledger} holds {many(foreign, 'row')} that nobody wrote"
            yield unproven(says) if account.doubts else missed(says)
        if account.books.duplicates:
            yield note(f"{account.ledger} holds {many(account.books.duplicates, 'duplicate row')}")


def _lost(account: Account, objective: Objective, bound_ns: int) -> Iterator[Finding]:
    if not account.books.lost or account.rpo_ns is None:
        return
    rpo, bound, promised = account.rpo_ns / NS, bound_ns / NS, objective.promised(account.ledger)
    says = f"{len(account.books.lost)} of {many(account.books.acked, 'acknowledged write')} of {account.ledger} "
    says += f"{'is' if len(account.books.lost) == 1 else 'are'} lost, {with_bound(rpo, bound)} worth of them"
    if promised is None:
        yield note(says)
        return
    says += f", the objective is {duration(promised)}"
    if promised == 0 or rpo - bound > promised:
        yield missed(says)
    elif rpo + bound > promised:
        yield unproven(f"too close to call: {says}")
    else:
        yield note(says)
