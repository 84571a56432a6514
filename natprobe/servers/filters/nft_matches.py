"""The conditions of nft's rules: expressions, sets, ranges, concatenations. What it doesn't know may hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from natprobe.servers.filters import Atom
from natprobe.servers.filters.ranges import PORT_MAX, Range, network

Scope = tuple[str, str]  # family and table, in which sets have their names

_MAYBE = Atom("maybe")
_NESTED_MAX = 8
_PORT_PROTOCOLS = {"tcp": ("tcp",), "udp": ("udp",), "th": ()}
_PROTO_NAMES = {6: "tcp", 17: "udp", 1: "icmp", 58: "ipv6-icmp"}
_ETHER = {"ip": 4, "ip6": 6, "ipv4": 4, "ipv6": 6, 2: 4, 10: 6, 0x0800: 4, 0x86DD: 6}


class Sets:
    """The named sets and maps of all tables."""

    def __init__(self, bodies: Sequence[dict[str, Any]]) -> None:
        self._by_name = {(_word(e, "family"), _word(e, "table"), _word(e, "name")): e for e in bodies}
        self._atoms: dict[Any, Atom] = {}

    def elements(self, data: Any, scope: Scope) -> list[Any] | None:
        """Of a set or map: in so many words, or by its name. None: unknown, or it changes with what comes."""
        if isinstance(data, dict):
            found = data.get("set")
            return found if isinstance(found, list) else None
        if not isinstance(data, str) or not data.startswith("@"):
            return None
        body = self._by_name.get((*scope, data[1:]))
        if body is None or self.changing(data, scope):
            return None
        found = body.get("elem", [])
        return found if isinstance(found, list) else None

    def changing(self, data: str, scope: Scope) -> bool:
        """Whether packets or time change it."""
        flags = self._by_name.get((*scope, data[1:]), {}).get("flags", [])
        return bool({"dynamic", "timeout"} & set(map(str, flags if isinstance(flags, list) else [flags])))

    def named(self, left: Any, data: str, scope: Scope) -> Atom:
        """The condition that this field is in the set: made once."""
        key = (str(left), data, scope)
        if key not in self._atoms:
            elements = self.elements(data, scope)
            if elements is None:
                of_senders = _payload(left) in (("ip", "saddr"), ("ip6", "saddr"))
                self._atoms[key] = Atom("sources", (f"set {data[1:]}",)) if of_senders else _MAYBE
            else:
                self._atoms[key] = _in_set(left, elements, scope, self)
        return self._atoms[key]


def _word(body: dict[str, Any], key: str) -> str:
    return str(body.get(key))


def match(said: Any, scope: Scope, sets: Sets) -> Atom:
    """One `match` statement."""
    if not isinstance(said, dict):
        return _MAYBE
    op, left, right = said.get("op"), said.get("left"), said.get("right")
    if op in ("<", ">", "<=", ">="):
        right = _compared(op, right)
    elif op not in ("==", "!=", "in"):
        return _MAYBE
    made = _flags(left, right, op) or value_fits(left, right, scope, sets)
    if op != "!=" or made.field == "maybe":
        return made
    # `udp dport != 53` holds for other ports of UDP, not for TCP.
    implied = _implied(left)
    negated = made._replace(negated=not made.negated)
    if made.field == "any" and implied and len(made.values) == 1:
        negated = made.values[0][-1]._replace(negated=True)
    return Atom("any", ((*implied, negated),)) if implied else negated


def _compared(op: str, right: Any) -> Any:
    if not isinstance(right, int):
        return None
    bounds = {"<": [0, right - 1], "<=": [0, right], ">": [right + 1, PORT_MAX], ">=": [right, PORT_MAX]}[op]
    return {"range": bounds}


def value_fits(left: Any, right: Any, scope: Scope, sets: Sets) -> Atom:
    """Whether the field has this value, or is in this set."""
    if right == "*":
        return Atom("yes")
    if isinstance(right, str) and right.startswith("@"):
        return sets.named(left, right, scope)
    if isinstance(right, dict) and isinstance(right.get("set"), list):
        return _in_set(left, right["set"], scope, sets)
    if isinstance(right, list):
        return _in_set(left, right, scope, sets)
    return _in_set(left, [right], scope, sets)


def _in_set(left: Any, elements: list[Any], scope: Scope, sets: Sets) -> Atom:
    values = [_plain(each) for each in elements]
    if isinstance(left, dict) and isinstance(left.get("concat"), list):
        rows = tuple(_row(left["concat"], each, scope, sets) for each in values)
        return Atom("any", rows)
    made = _single(left, values)
    implied = _implied(left)
    return Atom("any", ((*implied, made),)) if implied and made.field != "maybe" else made


def _row(parts: list[Any], value: Any, scope: Scope, sets: Sets) -> tuple[Atom, ...]:
    if value == "*":
        return ()
    values = value.get("concat") if isinstance(value, dict) else None
    if not isinstance(values, list) or len(values) != len(parts):
        return (_MAYBE,)
    return tuple(value_fits(part, each, scope, sets) for part, each in zip(parts, values, strict=True))


def _plain(element: Any) -> Any:
    """An element without its timeout, counter and comment; of a map's, its key."""
    for _ in range(_NESTED_MAX):
        if isinstance(element, dict) and isinstance(element.get("elem"), dict) and "val" in element["elem"]:
            element = element["elem"]["val"]
        else:
            break
    return element


def _payload(left: Any) -> tuple[str, str]:
    body = left.get("payload") if isinstance(left, dict) else None
    return (_word(body, "protocol"), _word(body, "field")) if isinstance(body, dict) else ("", "")


def _implied(left: Any) -> tuple[Atom, ...]:
    """What a field of a header says by itself: that there is such a header."""
    protocol, _ = _payload(left)
    if protocol in ("ip", "ip6"):
        return (Atom("family", (_ETHER[protocol],)),)
    if protocol in ("tcp", "udp"):
        return (Atom("proto", (protocol,)),)
    return ()


def _single(left: Any, values: list[Any]) -> Atom:
    """A field that is one of these."""
    try:
        if isinstance(left, dict) and len(left) == 1:
            ((kind, body),) = left.items()
            if kind in _KINDS and (kind == "&" or isinstance(body, dict)):
                return _KINDS[kind](body, values)
    except (ValueError, TypeError, KeyError, AttributeError):
        return _MAYBE
    return _MAYBE


def _of_payload(body: Any, values: list[Any]) -> Atom:
    name = (_word(body, "protocol"), _word(body, "field"))
    if name[0] in _PORT_PROTOCOLS and name[1] in ("dport", "sport"):
        return Atom(name[1], tuple(map(_numbers, values)))
    if name[0] in ("ip", "ip6") and name[1] in ("saddr", "daddr"):
        return Atom(name[1], tuple(map(_addresses, values)))
    if name in (("ip", "protocol"), ("ip6", "nexthdr")):
        return Atom("proto", tuple(map(_proto, values)))
    if name[0] in ("icmp", "icmpv6", "igmp", "sctp", "dccp", "esp", "ah", "udplite", "arp", "vlan"):
        return Atom("no")
    return _MAYBE


def _of_meta(body: Any, values: list[Any]) -> Atom:
    key = _word(body, "key")
    if key in ("iifname", "iif", "oifname", "oif"):
        return Atom(key[:3], tuple(map(_text, values)))
    if key == "l4proto":
        return Atom("proto", tuple(map(_proto, values)))
    if key in ("nfproto", "protocol"):
        return Atom("family", tuple(_ETHER.get(each, 0) for each in values))
    if key == "mark":
        return _zero(values)
    if key == "pkttype":
        return Atom("yes" if {"host", "unicast"} & set(map(_text, values)) else "no")
    return _MAYBE


def _of_ct(body: Any, values: list[Any]) -> Atom:
    key, direction = _word(body, "key"), body.get("dir", "original")
    if key in ("state", "status"):
        return Atom(key, tuple(map(_text, values)))
    if key == "direction":
        return Atom("yes" if "original" in values or 0 in values else "no")
    if key == "mark":
        return _zero(values)
    if direction != "original":
        return _MAYBE
    if key == "proto-dst":
        return Atom("first-port", tuple(map(_numbers, values)))
    if key == "protocol":
        return Atom("proto", tuple(map(_proto, values)))
    if key in ("daddr", "ip daddr", "ip6 daddr"):
        return Atom("first-address", tuple(map(_addresses, values)))
    if key in ("saddr", "ip saddr", "ip6 saddr"):
        return Atom("saddr", tuple(map(_addresses, values)))
    return _MAYBE


def _of_fib(body: Any, values: list[Any]) -> Atom:
    """Routes: a destination's type; and of senders, that the way back is the way that they came."""
    flags = body.get("flags", [])
    of = set(map(str, flags if isinstance(flags, list) else [flags]))
    if body.get("result") == "type":
        return Atom("daddr-type" if "daddr" in of else "saddr-type", tuple(map(_text, values)))
    if "saddr" in of and len(values) == 1 and isinstance(values[0], bool):
        return Atom("yes" if values[0] else "no")
    return _MAYBE


def _under_mask(body: Any, values: list[Any]) -> Atom:
    """`meta mark & 0x4000 == 0x4000`."""
    left = body[0] if isinstance(body, list) and body else None
    return _single(left, values) if _marks(left) else _MAYBE


def _marks(left: Any) -> bool:
    return isinstance(left, dict) and any(
        isinstance(body, dict) and body.get("key") == "mark" for kind, body in left.items() if kind in ("meta", "ct")
    )


_KINDS: dict[str, Callable[[Any, list[Any]], Atom]] = {
    "payload": _of_payload,
    "meta": _of_meta,
    "ct": _of_ct,
    "fib": _of_fib,
    "&": _under_mask,
}


def _zero(values: list[Any]) -> Atom:
    if not all(isinstance(each, int) for each in values):
        return _MAYBE
    return Atom("mark", (0 in values,))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(value)
    return value.lower() if value.isupper() else value


def _proto(value: Any) -> str:
    return _PROTO_NAMES.get(value, "?") if isinstance(value, int) else _text(value)


def port_of(value: Any) -> int | None:
    """A port, of a range the first one; None where none is said."""
    if isinstance(value, dict):
        value = value["range"][0] if isinstance(value.get("range"), list) and value["range"] else None
    return value if isinstance(value, int) and 0 <= value <= PORT_MAX else None


def _numbers(value: Any) -> Range:
    if isinstance(value, dict):
        low, high = value["range"]
    else:
        low = high = value
    if not isinstance(low, int) or not isinstance(high, int):
        raise ValueError(value)
    return low, high


def _addresses(value: Any) -> Range:
    if isinstance(value, str):
        return network(value)
    if "prefix" in value:
        return network(f"{value['prefix']['addr']}/{value['prefix']['len']}")
    low, high = value["range"]
    return network(low)[0], network(high)[1]


def _flags(left: Any, right: Any, op: Any) -> Atom | None:
    """`tcp flags & (fin | syn | rst | ack) == syn`, `tcp flags syn`."""
    mask = None
    if isinstance(left, dict) and isinstance(left.get("&"), list) and len(left["&"]) == 2:
        left, mask = left["&"]
    if _payload(left) != ("tcp", "flags"):
        return None
    wanted, under = _flag_set(right), _flag_set(mask) if mask is not None else None
    if wanted is None or (mask is not None and under is None):
        return _MAYBE
    if under is None and op == "in":
        return Atom("flags", (wanted, frozenset({"syn"}))) if "syn" in wanted else Atom("no")
    return Atom("flags", (under or frozenset(), wanted))


def _flag_set(value: Any) -> frozenset[str] | None:
    for _ in range(_NESTED_MAX):
        if isinstance(value, dict) and len(value) == 1 and ({"|", "set"} & set(value)):
            value = next(iter(value.values()))
    if value == 0:
        return frozenset()
    if isinstance(value, str):
        return frozenset({value})
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return frozenset(value)
    return None


def statement(name: str, said: Any) -> Atom:
    """A statement that holds for some packets: a first one is over no bound that is each sender's own."""
    body = said if isinstance(said, dict) else {}
    if name in ("limit", "ct count", "quota"):
        return Atom("no") if body.get("inv") else _MAYBE
    if name in ("set", "meter"):
        inner = body.get("stmt", [])
        over = [statement(*next(iter(each.items()))) for each in inner if isinstance(each, dict) and each]
        return next((each for each in over if each.field == "no"), over[0] if over else Atom("yes"))
    return _MAYBE
