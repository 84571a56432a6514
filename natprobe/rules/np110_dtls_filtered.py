"""ICE passes, the DTLS handshake doesn't

The media server answered authenticated checks on the pair that ICE settled on, and the DTLS handshake over the very
same pair got nothing back, however often it was sent, while checks beside it went on being answered.

How it shows: the browser says that ICE is connected, and the call stays dead: no sound, no picture, and no fall back
to a relay, since for ICE all is well. A test that only sends STUN says that everything works.

What to do: something on the way knows DTLS (RFC 6347) by its first bytes and drops it: an inspecting firewall, here or
before the server. Let it pass UDP to the media port whatever is in it. Where it was lost behind a relay, with --deep
perhaps only there, look on the relay whether the handshake leaves for the bridge: what takes it stands between the two,
or before the relay.

Sources: RFC 5763 section 5, RFC 8827 section 6.5 (DTLS is mandatory in WebRTC); measured with Chromium: it does not
come back from such a pair.
"""

from natprobe.derive.associations import filtered
from natprobe.derive.sizes import lost_by_size
from natprobe.facts import Facts, IceCheck, MediaHandshake, ids
from natprobe.fixes import media_server
from natprobe.model import Allow, Do, Failure, Fix, Where, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement
from natprobe.rules._legs import through
from natprobe.wording import mark, phrase

READS = (IceCheck, MediaHandshake)

_DIRECT = mark(
    "ICE reaches the media server at {endpoint}, but the DTLS handshake on the same pair never comes back: calls"
    " connect and stay dead"
)
_THROUGH = mark(
    "Through the relay {server} over {leg}, ICE reaches the media server at {endpoint}, but the DTLS handshake on the"
    " same pair never comes back: calls that go this way connect and stay dead"
)


def check(facts: Facts) -> Judgement:
    """Only where nothing at all came of it, and the pair was alive meanwhile."""
    tried = facts.of(MediaHandshake)
    mute = [each for each in tried if each.failure is Failure.TIMEOUT and not each.heard]
    sure = [each for each in tried if filtered(each)]
    if sure:
        # Where large packets vanish, so does the flight that answers: mtu-blackhole.
        return [_found(facts, each) for each in sure if not _too_large(facts, each)] or CLEAR
    if mute:
        return CouldNotTell(reason="packets-lost", ask="run the check again")
    return CLEAR if tried else NOT_APPLICABLE


def _too_large(facts: Facts, handshake: MediaHandshake) -> bool:
    """Straight from here: full-size checks to the same place vanished, and small ones did not."""
    return handshake.leg is None and lost_by_size(facts, handshake.endpoint, handshake.local)


def _found(facts: Facts, handshake: MediaHandshake) -> Found:
    args = {"endpoint": handshake.endpoint, "tries": handshake.tries}
    relayed = handshake.relayed is not None
    return Found(
        message=_THROUGH if relayed else _DIRECT,
        args=args | (through(handshake) if relayed else {}),
        evidence=ids(handshake),
        where=Where.UNKNOWN,  # seen from one end, a filter near the server looks the same
        fixes=_behind_relay(handshake) if relayed else _on_the_way(facts, handshake),
    )


def _on_the_way(facts: Facts, handshake: MediaHandshake) -> tuple[Fix, ...]:
    host, port = split(handshake.endpoint)
    return (
        Do(
            text="Run the same check from another network: if it works there, an inspecting firewall in this"
            " network drops DTLS, if not, one before the server does",
            audience="user",
        ),
        Allow(
            proto="udp",
            ports=media_server(facts).ports([port]),
            direction="out",
            to=host,
            at="the inspecting firewall, without looking into the packets",
            audience="network",
            why="media is encrypted by DTLS, which starts on the same port as the ICE checks",
        ),
    )


def _behind_relay(handshake: MediaHandshake) -> tuple[Fix, ...]:
    """The client's network sees the relay's port alone: nothing to open there for the media server's."""
    host, port = split(handshake.endpoint)
    return (
        Do(
            text=phrase(
                "On the relay, see whether the handshake leaves for the media server while the check runs"
                " (tcpdump -ni any 'udp and host {host} and port {port}', for datagrams that begin with 16"
                " fe): if it does, a firewall between the two drops DTLS, if not, one before the relay does",
                host=host,
                port=port,
            ),
            audience="server",
        ),
    )
