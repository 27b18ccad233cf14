"""Who calls a Service without pods is refused at once, and well; who gave up is forgotten soon: in clusters of ours.

Kubernetes refuses him by ICMP.  That comes while his own connect() is still under way, so the kernel keeps it for
later: the connection is tried again after a second, and once it stands its socket reports an error that no read takes
away.  Whoever waits for sockets by epoll then spins for as long as it lives: the lab's sentinels took half of two cores
(Linux 6.18).  A reset, as a machine whose program is down gives it, has neither effect.

A host remembers for two minutes which pod it sent a caller to, also when that pod was gone and the caller gave up.
Whoever calls from the same port again meanwhile is sent to where nobody is.  A meter calls so often that its ports come
round in half a minute: it saw outages that were another drill's (Linux 6.18, kube-proxy by iptables).

The rules have a table of their own, before the one that Kubernetes puts its own in whenever it starts, and a unit that
brings them whenever the host does, before any pod can run there.
"""

from collections.abc import Iterable

from targets.pods import onhost

SERVICES = "10.96.0.0/16"  # where the Services of our clusters are
PORTS = "30000-32767"  # of nodes, that are Services'
TABLE = "drillyard"
_UNIT = f"{TABLE}-refusals"
# a call without an answer, an end without an answer; each packet of a caller who still tries counts anew
_FORGET_S = {"syn_sent": 5, "fin_wait": 10}
_SETTINGS = " ".join(f"net.netfilter.nf_conntrack_tcp_timeout_{state}={time}" for state, time in _FORGET_S.items())
# a call that has found a pod does not go to the Service's own address any more
_WHERE = {"forward": f"ip daddr {SERVICES}", "output": f"ip daddr {SERVICES}", "input": f"tcp dport {PORTS}"}
_REFUSE = "tcp flags syn / fin,syn,rst,ack reject with tcp reset"
_CHAINS = [f"chain {at} {{ type filter hook {at} priority -1; {which} {_REFUSE}; }}" for at, which in _WHERE.items()]
_RULES = "\n".join([f"table ip {TABLE} {{", *_CHAINS, "}", ""])
_SERVICE = f"""\
[Unit]
Description=Services without pods refuse by reset, callers who gave up are forgotten
Before=kubelet.service
[Service]
Type=oneshot
ExecStartPre=-/usr/sbin/nft delete table ip {TABLE}
ExecStart=/usr/sbin/nft -f /etc/{_UNIT}.nft
ExecStart=/usr/sbin/sysctl -q {_SETTINGS}
[Install]
WantedBy=multi-user.target
"""
_PUT = (
    f'printf %s "$1" > /etc/{_UNIT}.nft; printf %s "$2" > /etc/systemd/system/{_UNIT}.service; '
    f"systemctl -q enable {_UNIT}; systemctl restart {_UNIT}"
)


def by_reset(hosts: Iterable[str]) -> None:
    """Have these hosts refuse by reset, and forget, now and after every start; again is the same as once."""
    for host in hosts:
        onhost.ran(host, ["sh", "-e", "-c", _PUT, "sh", _RULES, _SERVICE])


def are_resets(host: str) -> bool:
    """Tell whether a host refuses so."""
    return bool(onhost.ran(host, ["sh", "-c", f"nft list table ip {TABLE} 2>/dev/null || true"]).strip())


def are_forgotten(host: str) -> bool:
    """Tell whether a host forgets so soon whom it sent where nobody was."""
    names = [each.partition("=")[0] for each in _SETTINGS.split()]
    said = onhost.ran(host, ["sysctl", "-n", *names]).split()
    return said == [str(each) for each in _FORGET_S.values()]
