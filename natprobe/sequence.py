"""Which probes there are, in which order: names alone, so that completing them loads no probe."""

from __future__ import annotations

# The sequence of the report. A new probe takes its place here.
SEQUENCE = (
    "interfaces",
    "proxies",
    "names",
    "web",
    "config",
    "peer",
    "gateway",
    "echo",
    "siblings",
    "reach",
    "signalling",
    "join",
    "services",
    "mapping",
    "filtering",
    "hairpin",
    "lifetime",
    "hops",
    "stuns",
    "turn",
    "relay_size",
    "tunnel",
    "doors",
    "media",
    "size",
    "hello",
    "path",
    "raw",
    "relayed",
    "tcp",
    "counted",
    "compare",
    "rates",
    "marks",
    "session",
    "pool",
    "channel",
    "standing",
    "audit",
    "cascade",
    "burst",
)
# What `natprobe inspect` runs on the server.
INSPECTION = (
    "interfaces",
    "rulesets",
    "listening",
    "programs",
    "files",
    "certificates",
    "filters",
    "own_names",
    "mapping",
    "ports",
    "bind",
)
# What a `natprobe serve` puts into its report at its end.
SERVING = ("interfaces", "arrivals")
