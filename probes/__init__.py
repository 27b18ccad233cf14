"""What healthy looks like: the open-loop client with its write ledgers, and the probes that experiments call.

    client, handle        the measuring client, a process of its own, and the harness's end of it
    watching              from a system's description to what the client is told
    spec, sampler, attempt, streak, pool, records, headers, public   what the client is made of
    watch, ledger         `python -m probes`: a stopwatch and a ledger for what is done by hand
    byhand, following, stopwatch, books, failures   what those two are made of
    subjects/             one file per kind of stream or ledger, found by its name
    wire/                 how the client speaks HTTP, S3, Redis and PostgreSQL, with the moment of sending known
    http, postgres, redis, documents, queues, processes, wait   probes and waits for experiments; nodes: asking them all
    answering             whether a component answers at this moment, for the look after a stop

May import: `targets`, and nothing else of the house.
"""
