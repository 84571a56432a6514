"""Run on a client: what a stranger's first packet meets at each `PROTO ADDRESS PORT`, in words, as JSON.

accept: TCP connects, or UDP comes back. reject: refused or forbidden at once. drop: silence.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from contextlib import suppress

_SECONDS = 0.3


def main(source: str, source6: str, *words: str) -> None:
    """All at once."""
    asked = [word.split("/") for word in words]
    waiting = selectors.DefaultSelector()
    results = dict.fromkeys(words, "drop")
    for word, (proto, address, port) in zip(words, asked, strict=True):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        one = socket.socket(family, socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
        one.bind((source6 if ":" in address else source, 0))
        one.setblocking(False)
        error = one.connect_ex((address, int(port)))
        if proto == "udp":
            with suppress(PermissionError):  # this host's own rules let nothing out
                one.send(b"knock")
        if error not in (0, 115):
            results[word] = "reject"
        waiting.register(one, selectors.EVENT_WRITE if proto == "tcp" else selectors.EVENT_READ, (word, proto))
    end = time.monotonic() + _SECONDS
    while waiting.get_map() and (left := end - time.monotonic()) > 0:
        for key, _ in waiting.select(left):
            word, proto = key.data
            error = key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # type: ignore[union-attr]
            results[word] = "reject" if error else "accept"
            waiting.unregister(key.fileobj)
    print(json.dumps(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
