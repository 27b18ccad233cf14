"""What may differ after a drill that died, besides what may differ anyway; each with its reason."""

from benchmarks.kit.world.allowed import ALLOWED, MOVED, Allowed

GONE = "what is gone is not left behind: others on this machine clear up, too"
AFTER_A_DEATH: tuple[Allowed, ...] = (
    *ALLOWED,
    *MOVED,
    Allowed(
        section="files",
        thing=r"lab drill\.(lock|next)",
        was="absent",
        reason="the lock of the lab stays in its folder, with the name of its dead holder for the next one",
    ),
    Allowed(
        section="processes",
        thing=r"postgres-\w: \S*/postgres -D data .*",
        was=".*running",
        now=".*running",
        reason="a session that was forked a moment ago has its postmaster's name still",
    ),
    Allowed(section="ipc", thing=".*", now="absent", reason=GONE),
    Allowed(section="cgroups", thing="group .*", now="absent", reason=GONE),
    Allowed(section="namespaces", thing="named .*", now="absent", reason=GONE),
)
