"""Runbook steps under test, as chaostoolkit actions: plain functions with simple arguments.

Each returns what it did, with the moments that the judge wants: `detected_ns` (t2), `recovery_started_ns` (t3),
CLOCK_MONOTONIC.  May import: targets.
"""
