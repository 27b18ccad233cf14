"""What may differ after a drill that died, besides what may differ anyway; each with its reason."""

from benchmarks.kit.world.allowed import ALLOWED, MOVED, Allowed

GONE = "what is gone is not left behind: others on this machine clear up, too"
AFTER_A_DEATH: tuple[Allowed, ...] = (
    *ALLOWED,
    *MOVED,
    Allowed(
        section="files",
        thing=r"lab objects-\w/data/#/lab/(documents|drillyard)(/.*)?",
        reason="callers' documents are the callers', and the ledger's numbered objects are evidence that it keeps",
    ),
    Allowed(
        section="files",
        thing=r"lab [\w-]+/(log|socket)",
        was="absent",
        reason="a spare node that was wanted for a while has a log, and the name of its socket, as any other",
    ),
    Allowed(section="ipc", thing=".*", now="absent", reason=GONE),
    # a lab's volumes go after its namespace, one by one, for as long as the cluster takes
    Allowed(section="engine", thing="PersistentVolume .*", now="absent", reason=GONE),
    Allowed(section="cgroups", thing="group .*", now="absent", reason=GONE),
    Allowed(section="namespaces", thing="named .*", now="absent", reason=GONE),
)
TRYING = "it tries on while the disk is full; once there is room, and somebody has stopped, it has to be gone"
WHILE_THE_DISK_IS_FULL: tuple[Allowed, ...] = (
    *AFTER_A_DEATH,
    Allowed(section="processes", thing=r".*/rollback/watchdog\.py .*", was="absent", reason=TRYING),
    Allowed(section="namespaces", thing=r"\w+ of .*/rollback/watchdog\.py .*", was="absent", reason=TRYING),
    Allowed(section="engine", thing="Lease drillyard in .*", was="absent", reason=TRYING),
)
