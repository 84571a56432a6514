"""natprobe's own STUN socket, run inside a namespace.

asker.py ADDRESS PORT…  asks each port once, all from one socket, and prints what came of it as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from natprobe.model import family
from natprobe.net.stun import StunSocket
from natprobe.net.system import SystemNet
from natprobe.wire import stun


async def main(address: str, ports: list[int]) -> dict[str, Any]:
    net = SystemNet()
    async with StunSocket(net, net.udp(family(address))) as sock:
        asked = (
            sock.ask(stun.binding_request(os.urandom(12)), (address, port), send_times=(0.0, 0.2), give_up=0.6)
            for port in ports
        )
        outcomes = await asyncio.gather(*asked)
        local = sock.local[1]
        strays = [[f"{sender[0]}:{sender[1]}", fault, count] for (sender, fault), count in sock.strays.items()]
    found = [
        {
            "failure": each.failure and str(each.failure),
            "icmp": each.icmp,
            "by": each.reported_by,
            "tries": each.tries,
            "mapped": each.packet and each.packet.message.attributes.get("XOR-MAPPED-ADDRESS"),
        }
        for each in outcomes
    ]
    return {"asked": dict(zip(ports, found, strict=True)), "local": local, "strays": strays}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1], [int(word) for word in sys.argv[2:]]))))
