"""How good a call's audio would be: the E-model (ITU-T G.107, 2015), its defaults but for what was measured. Pure.

What differs from the defaults is the one-way delay and the loss. The codec is G.711 with the packet loss concealment of
its Appendix I, since ITU-T G.113 Appendix I gives figures for it and none for Opus; Opus conceals better and sounds
better, so that a browser's call is hardly worse than this. Its delay is that of Opus, as browsers send it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

# G.113 Appendix I: equipment impairment and packet-loss robustness (random loss) of G.711 with concealment.
IE, BPL = 0.0, 25.1
# G.107 table 2: what the default connection comes to without any delay, and what its MOS is then.
R_MAX = 93.2
# Milliseconds: a packet's audio (RFC 7874 section 4) and Opus' look-ahead (RFC 6716 section 2).
FRAME, LOOKAHEAD = 20.0, 6.5
# A jitter buffer holds at least one packet, and twice the mean difference of two packets' delays.
_BUFFER_MIN, _BUFFER = 20.0, 2.0
# G.107 section 7.7: signal-to-noise ratio, loudness ratings and echo losses of the default connection (dB).
_RO, _SLR, _RLR, _TELR, _WEPL = 94.77, 8.0, 2.0, 65.0, 110.0


class Audio(NamedTuple):
    """The estimate with its inputs: milliseconds from mouth to ear, share lost, transmission rating, opinion score."""

    one_way: float
    loss: float
    rating: float
    mos: float


def audio(rtt: float, jitter: float, loss: float) -> Audio:
    """Of a way with this round trip and jitter (milliseconds) and this share lost in one direction."""
    delay = rtt / 2 + max(_BUFFER_MIN, _BUFFER * jitter) + FRAME + LOOKAHEAD
    rating = R_MAX - delay_impairment(delay) - loss_impairment(loss)
    return Audio(delay, loss, max(rating, 0.0), mos(rating))


def loss_impairment(share: float) -> float:
    """Ie-eff of G.107 section 7.5 for random loss (BurstR 1)."""
    percent = 100 * share
    return IE + (95 - IE) * percent / (percent + BPL) if percent else IE


def delay_impairment(delay: float) -> float:
    """What Id of G.107 section 7.4 is more than without any delay: talker echo, listener echo, delay itself."""
    return _talker_echo(delay) + _listener_echo(delay) - _listener_echo(0.0) + _too_long(delay)


def _talker_echo(delay: float) -> float:
    """Idte."""
    roe = -1.5 * ((15 - _RO) / 1.5 - _SLR - _RLR)
    loss = _TELR - 40 * math.log10((1 + delay / 10) / (1 + delay / 150)) + 6 * math.exp(-0.3 * delay * delay)
    half = (roe - (80 + 2.5 * (loss - 14))) / 2
    return (half + math.sqrt(half * half + 100) - 1) * (1 - math.exp(-delay))


def _listener_echo(delay: float) -> float:
    """Idle, by the round trip."""
    half = (_RO - 10.5 * (_WEPL + 7) / math.pow(2 * delay + 1, 0.25)) / 2
    return half + math.sqrt(half * half + 169)


def _too_long(delay: float) -> float:
    """Idd: what delay costs even without echo."""
    if delay <= 100:
        return 0.0
    x = math.log2(delay / 100)
    return 25 * (math.pow(1 + x**6, 1 / 6) - 3 * math.pow(1 + (x / 3) ** 6, 1 / 6) + 2)


def mos(rating: float) -> float:
    """The mean opinion score, 1 to 4.5 (G.107 annex B)."""
    if rating <= 0:
        return 1.0
    if rating >= 100:
        return 4.5
    return max(1.0, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6)
