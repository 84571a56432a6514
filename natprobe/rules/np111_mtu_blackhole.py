"""Small packets pass, full-size ones vanish

The media server answered small checks and never the same check filled up to 1,200 bytes, the size of a video
packet.

How it shows: the call connects, then nobody is seen: ICE is fine, video and often the DTLS handshake are not.
Browsers do not fall back from that.

What to do: find the link with the small MTU (a VPN, PPPoE, a tunnel between sites) and let it say so (ICMP
"fragmentation needed", "packet too big"), or lower the tunnel's and the machines' MTU.

Sources: RFC 4821 section 1, RFC 8899, RFC 8834 section 4.
"""

from natprobe.derive import SILENT_TRIES
from natprobe.facts import Facts, IceCheck, ids
from natprobe.model import Do, Failure, Where
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement

READS = (IceCheck,)

# A check without padding is about 100 bytes.
SMALL = 300


def check(facts: Facts) -> Judgement:
    """Per flow: the same socket, the same destination, only the size differs."""
    checks = facts.of(IceCheck, lambda each: each.transport == "udp")
    small = {each.flow: each for each in checks if each.size < SMALL and each.verified and each.failure is None}
    if not small:
        return NOT_APPLICABLE
    lost = [each for each in checks if each.size >= SMALL and each.flow in small and _vanished(each)]
    if not lost:
        return CLEAR
    return [
        Found(
            message="Small packets to {endpoint} are answered, packets of {size} bytes vanish: video will not arrive",
            args={"endpoint": lost[0].endpoint, "size": lost[0].size},
            evidence=ids(lost, [small[each.flow] for each in lost]),
            where=Where.UNKNOWN,  # from one end alone no link on the way is known from another
            fixes=(
                Do(
                    text="Run the same check from another network: where full-size packets pass there, the small MTU is"
                    " in this network (a VPN, PPPoE), else near the server",
                    audience="user",
                ),
                Do(
                    text="Let ICMP `fragmentation needed` and `packet too big` pass on the way, or lower the MTU of the"
                    " tunnel (VPN, PPPoE) that packets go through: 1,280 bytes always suffice for WebRTC",
                    audience="network",
                ),
            ),
        )
    ]


def _vanished(check: IceCheck) -> bool:
    return check.failure in (Failure.TIMEOUT, Failure.TOO_BIG) and check.tries >= SILENT_TRIES
