"""What healthy looks like: the open-loop client with its write ledgers, and the probes that experiments call.

    client.py, handle.py   the measuring client, a process of its own, and the harness's end of it
    spec.py, sampler.py, streak.py, attempt.py, pool.py   what the client is made of
    subjects/              one file per kind of stream or ledger, found by its name
    wire/                  how the client speaks HTTP, Redis and PostgreSQL, with the moment of sending known
    http, postgres, redis, documents, processes, wait   probes and waits for chaostoolkit experiments
    where.py               which target those mean

May import: `targets`, and nothing else of the house.
"""
