"""What the other end saw come in: told by `natprobe serve`, in its report or to the check that it is paired with."""

from __future__ import annotations

from typing import Literal

from natprobe.facts.listening import Proto
from natprobe.model import Count, Endpoint, Observation, Port, Seconds, Text


class Watched(Observation, frozen=True, kw_only=True):
    """A port was watched for so long (seconds), so that no Arrived of it means that nothing came.

    `by`: our own socket, or every packet that the interface took, before any packet filter (`serve --watch`).
    failure: it could not be watched.
    """

    proto: Proto
    port: Port
    seconds: Seconds = 0.0
    by: Literal["socket", "interface"] = "socket"


class Arrived(Observation, frozen=True, kw_only=True):
    """Packets of one kind from one source that came to this host.

    `local`: the endpoint that they came to; `sender`: whom they came from, as seen here, so after every NAT. `what`
    they were; `verified`: they were signed with the pairing's token. `session`: which check of a natprobe they belong
    to (Run.session). `full_size`: how many had at least 1,200 bytes; `answered`: how many an answer went out for;
    `repeated`: how many of a train's came a second time. `first`, `last`: when they came, in seconds from the beginning
    of the watch.
    """

    proto: Proto
    local: Endpoint
    sender: Endpoint
    what: Literal["check", "stun", "turn", "dtls", "tls", "http", "rtp", "connection", "other"]
    verified: bool = False
    session: Text = ""
    packets: Count = 0
    full_size: Count = 0
    answered: Count = 0
    repeated: Count = 0
    first: Seconds = 0.0
    last: Seconds = 0.0
    by: Literal["socket", "interface"] = "socket"
