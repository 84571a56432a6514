"""The path is open, and too bad for a call

Packets pass, but too many are lost, they take too long, or they come too unevenly. Nothing more is sent to find that
out: round trips are those of checks and connections that were made anyway; loss and jitter are known where `--compare`
sent a train of packets, of a relay that is the target, or where `--hold` watched the path.

| | a call suffers | it is hardly one |
|---|---|---|
| lost, in one direction | above 3 % | above 10 % |
| round trip to the server | above 300 ms | above 800 ms |
| jitter, in one direction | above 30 ms | |

The round trips are twice what ITU-T G.114 wants at most one way for most uses (150 ms) and at all (400 ms), and that is
for the whole way from mouth to ear, of which the other participant's half comes on top. Opus and G.711 conceal a few
lost packets in a hundred; at 3 % the E-model (ITU-T G.107) takes ten points of a hundred off for that, at 10 % a
quarter. A jitter buffer of 30 ms and more is heard as delay.

Twenty packets tell little: a threshold counts only where the lower end of what the packets allow is above it
(95 %, by Wilson's interval) and four packets or more are missing, and of what went there and back only what one
direction must have lost. Where more was lost than the threshold and less than is certain, nothing is said, and
`--compare --packets 500` decides. One or two per cent make no finding. Up and down are told apart where
`natprobe serve` counts at the other end.

Packets with the DSCP mark EF that are lost where unmarked ones pass are told too (`--compare` or `--trace`, against
`natprobe serve`): some browsers and phones mark audio so. That a mark is cleared on the way is usual, and no finding.

How it shows: audio with gaps, frozen or blurred video, people who talk at the same time. A satellite in a high orbit
takes more than 500 ms there and back, and no setting changes that.

What to do: for loss and jitter a cable in place of Wi-Fi, and a router that keeps its queue short (fq_codel, CAKE) when
others upload; for round trips no VPN that leads media a long way round, or a media server that is nearer.

Sources: ITU-T G.114, G.107, G.113 Appendix I, RFC 3550 section 6.4.1, RFC 8290, RFC 2474.
"""

from natprobe.derive import SILENT_TRIES
from natprobe.derive.lossy import (
    JITTER_MAX,
    LOSS_BAD,
    LOSS_MAX,
    RTT_BAD,
    RTT_MAX,
    Far,
    Lost,
    Uneven,
    all_far,
    burst,
    far,
    held,
    losses,
    unevenness,
)
from natprobe.facts import Binding, Connected, Facts, IceCheck, Marked, PathBurst, PathHeld, RelayBurst, ids
from natprobe.model import Do, Fix, Observation, Where
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement
from natprobe.wording import mark, phrase

READS = (Binding, Connected, IceCheck, Marked, PathBurst, PathHeld, RelayBurst)

_LOST = {
    "both": mark(
        "{percent:.1f} % of the packets to {place} are lost on the way there, {down:.1f} % on the way back: {effect}"
    ),
    "up": mark("{percent:.1f} % of the packets to {place} are lost on the way there: {effect}"),
    "down": mark("{percent:.1f} % of the packets from {place} are lost on their way here: {effect}"),
    "either": mark(
        "Of {of} packets that went to {place} and back {lost} were lost, at least {percent:.1f} % in one direction:"
        " {effect}"
    ),
}
_UNEVEN = {
    "up": mark("Packets to {place} arrive there unevenly, {ms:.0f} ms from one to the next: audio has gaps or delay"),
    "down": mark("Packets from {place} come here unevenly, {ms:.0f} ms from one to the next: audio has gaps or delay"),
    "either": mark(
        "Packets to {place} and back arrive unevenly, {ms:.0f} ms from one to the next: audio has gaps or delay"
    ),
}
_FAR = mark("{place} is {ms:.0f} ms away, there and back: people will talk at the same time")
_TOO_FAR = mark("{place} is {ms:.0f} ms away, there and back: too long for a conversation")
_AS_FAR = mark("{sentence}; so are others, so it is this network's way out")
_MARKED = mark(
    "Packets to {place} that are marked DSCP {dscp} (EF, audio) are lost, unmarked ones pass: marked audio is not heard"
)
_FALTERS, _BREAKS_UP = mark("video will falter"), mark("audio and video break up")


def check(facts: Facts) -> Judgement:
    """Each of the three by itself, on the way that a browser prefers."""
    train = burst(facts)
    lost = [*(losses(train) if train else ()), *held(facts)]
    uneven = unevenness(train) if train else []
    away = far(facts)
    found = _lossy([each for each in lost if each.certain > LOSS_MAX])
    found += [_uneven(each) for each in uneven if each.certain > JITTER_MAX][:1]
    found += [_far(facts, away)] if away is not None and away.rtt > RTT_MAX else []
    found += [_marked(each) for each in facts.of(Marked) if _only_marked(each)]
    if found:
        return found
    if any(each.share > LOSS_MAX for each in lost) or any(_doubtful(each) for each in uneven):
        return CouldNotTell(reason="few-packets", ask="check again with --compare --packets 500")
    return CLEAR if train is not None or lost or away is not None else NOT_APPLICABLE


def _only_marked(marked: Marked) -> bool:
    """Whether nothing but the mark can have lost them."""
    return marked.sent >= SILENT_TRIES and not marked.answered and marked.plain_answered > marked.plain / 2


def _doubtful(uneven: Uneven) -> bool:
    return uneven.mean / (2 if uneven.direction == "either" else 1) > JITTER_MAX


def _place(seen: Observation) -> str:
    """The media server, or the relay where that is the target."""
    if isinstance(seen, RelayBurst):
        return seen.server
    return seen.endpoint if isinstance(seen, PathBurst | PathHeld) else ""


def _lossy(lost: list[Lost]) -> list[Found]:
    """One for each train or watch, be it lost in both directions."""
    trains: dict[int, list[Lost]] = {}
    for each in lost:
        trains.setdefault(each.seen.id, []).append(each)
    return [_lost(group) for group in trains.values()]


def _lost(group: list[Lost]) -> Found:
    first, last = group[0], group[-1]
    share = first.certain if first.direction == "either" else first.share
    return Found(
        message=_LOST["both" if len(group) > 1 else first.direction],
        args={
            "place": _place(first.seen),
            "percent": round(100 * share, 1),
            "down": round(100 * last.share, 1),
            "lost": first.lost,
            "of": first.seen.sent if isinstance(first.seen, PathBurst | RelayBurst) else first.of,
            "effect": phrase(_BREAKS_UP if max(each.certain for each in group) > LOSS_BAD else _FALTERS),
        },
        evidence=ids(first.seen),
        where=Where.UNKNOWN,  # from the ends alone nobody knows where on the way
        fixes=(_CABLE, _QUEUE, _COMPARE),
    )


def _marked(marked: Marked) -> Found:
    return Found(
        message=_MARKED,
        args={"place": marked.endpoint, "dscp": marked.tos >> 2},
        evidence=ids(marked),
        where=Where.UNKNOWN,
        fixes=(_LET_MARKED_PASS, _COMPARE),
    )


def _uneven(uneven: Uneven) -> Found:
    return Found(
        message=_UNEVEN[uneven.direction],
        args={"place": _place(uneven.seen), "ms": uneven.mean, "direction": uneven.direction},
        evidence=ids(uneven.seen),
        where=Where.UNKNOWN,
        fixes=(_CABLE, _QUEUE, _COMPARE),
    )


def _far(facts: Facts, away: Far) -> Found:
    here = all_far(facts)
    sentence = phrase(_TOO_FAR if away.rtt > RTT_BAD else _FAR, place=away.endpoint, ms=away.rtt)
    return Found(
        message=phrase(_AS_FAR, sentence=sentence) if here else sentence,
        args={"place": away.endpoint, "ms": away.rtt},
        evidence=ids(away.seen),
        where=Where.LOCAL_NETWORK if here else Where.UNKNOWN,
        fixes=_fixes_far(here),
    )


def _fixes_far(here: bool | None) -> tuple[Fix, ...]:
    """Where all others are as far, a nearer server would not be nearer."""
    vpn = Do(text="Check again without VPN, and by another way out where there is one (no satellite)", audience="user")
    if here:
        return (vpn,)
    nearer = Do(
        text="Run a media server nearer to these clients (Jitsi: a bridge in their region)",
        audience="server",
        why="the delay between participants is the sum of both ways to it",
    )
    return vpn, nearer


_CABLE = Do(
    text="Check again by cable in place of Wi-Fi, without VPN, and while nobody here uploads or downloads",
    audience="user",
    why="that tells the network's own loss from that of a full line",
)
_QUEUE = Do(
    text="Let the router keep its queue short (fq_codel or CAKE, a little below the line's rate), and look at the error"
    " counters of its line",
    audience="network",
)
_LET_MARKED_PASS = Do(
    text="Let packets with DSCP EF pass, or clear the mark, in place of dropping them; or leave media unmarked (in a"
    " browser networkPriority, in Jitsi's config.js enableDscp)",
    audience="network",
)
_COMPARE = Do(
    text="Run the same check from another network: where the path is good there, the loss is in this one, else near the"
    " server",
    audience="user",
)
