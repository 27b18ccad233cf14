"""PostgreSQL's settings for the lab."""

import shlex

from targets.lab.roles.common import Config

_SHARED = {
    "wal_level": "replica",
    "wal_log_hints": "on",  # with the checksums: what pg_rewind needs
    "max_wal_senders": "12",
    "max_replication_slots": "12",
    "max_connections": "100",
    "max_prepared_transactions": "0",
    "hot_standby": "on",
    "hot_standby_feedback": "on",
    "shared_buffers": "16MB",
    "dynamic_shared_memory_type": "mmap",  # a killed cluster leaves nothing in /dev/shm
    "wal_keep_size": "32MB",
    "max_slot_wal_keep_size": "96MB",  # a dead standby's slot must not fill the volume: this much, and the next line's
    "max_wal_size": "96MB",
    "min_wal_size": "16MB",
    "wal_sender_timeout": "3s",
    "wal_receiver_timeout": "3s",
    "wal_retrieve_retry_interval": "200ms",
    "wal_receiver_status_interval": "1s",
    "synchronous_commit": "on",
    "autovacuum_naptime": "1min",
    "archive_mode": "on",
    "log_checkpoints": "off",
    "io_method": "sync",  # one process less to forget per server; this lab is small
}


def slot(name: str) -> str:
    """Name a node's replication slot."""
    return name.replace("-", "_")


def shared(config: Config) -> str:
    """Write what all nodes of the cluster have in common, as lines of postgresql.conf."""
    everybody = ",".join(f'"{name}"' for name in sorted([config.name, *config.peers()]))
    folder = shlex.quote(config.archive)
    values = _SHARED | {
        "synchronous_standby_names": f"ANY 1 ({everybody})",
        # copied, then renamed: a torn copy must never look like an archived segment
        "archive_command": f"cp %p {folder}/%f.part && mv {folder}/%f.part {folder}/%f",
        "restore_command": f"cp {folder}/%f %p",
    }
    return "".join(f"{key} = {quoted(value)}\n" for key, value in values.items())


def standby(name: str, conninfo: str) -> str:
    """Write whom a standby follows, as lines of postgresql.auto.conf, where ALTER SYSTEM can change it later."""
    return f"primary_conninfo = {quoted(source(name, conninfo))}\nprimary_slot_name = {quoted(slot(name))}\n"


def source(name: str, conninfo: str) -> str:
    """Write how a standby reaches the server that it follows.

    A receiver waits for its connection without libpq's timeout: one that led to where a pod had been hung for over a
    minute.
    """
    return f"{conninfo} application_name={name} connect_timeout=2 tcp_user_timeout=3000"


def leads_to(door: str, source: str) -> bool:
    """Tell whether such a source is the server behind that door."""
    host, _, port = door.rpartition(":")
    words = [word.replace("'", "") for word in source.split()]
    return f"host={host}" in words and f"port={port}" in words


def own(config: Config) -> list[str]:
    """Give what is this node's alone, as arguments: configuration files are copied by backups and rewinds."""
    addresses = "*" if config.port else ""
    values = {"listen_addresses": addresses, "unix_socket_directories": "..", "port": "5432"}
    values["cluster_name"] = config.name
    return [word for key, value in values.items() for word in ("-c", f"{key}={value}")]


def quoted(value: str) -> str:
    """Quote a value for a PostgreSQL configuration file."""
    return "'" + value.replace("'", "''") + "'"
