"""How the system is broken and how it is recovered.

*.yaml     one chaostoolkit experiment each; `chaos run experiments/X.yaml` plays it against a lab that is up
faults/    one module for each kind of harm, met by the protocol in faults/__init__.py
recovery/  runbook steps under test, as chaostoolkit actions
run.py     plays an experiment inside pytest; the only file that imports chaoslib

May import: targets.
"""
