"""Whether what signalling hands out opens the relay that stands on the same server. Pure.

Secrets and passwords are compared by their numbers in the report.
"""

from __future__ import annotations

from typing import NamedTuple

from natprobe.derive.offered import Offer, meant, offers
from natprobe.derive.turnserver import Relay, relays
from natprobe.facts import Facts


class Pair(NamedTuple):
    """A relay, and the offers that lead to it and are signed in one way: by one secret or account."""

    relay: Relay
    offers: tuple[Offer, ...]

    @property
    def offer(self) -> Offer:
        """The first of them."""
        return self.offers[0]


def pairs(facts: Facts) -> list[Pair]:
    """All of them, where the relay's file could be read wholly."""
    found: dict[tuple[object, ...], list[Offer]] = {}
    by_path = {each.file.path: each for each in relays(facts) if each.there}
    for path, relay in by_path.items():
        for offer in offers(facts):
            if offer.relay and offer.credential != "none" and meant(facts, offer, relay):
                found.setdefault((path, offer.credential, offer.secret, offer.user), []).append(offer)
    return [Pair(by_path[str(path)], tuple(group)) for (path, *_), group in found.items()]


def other_secret(pair: Pair) -> bool:
    """Both have a secret, and not the same; or the same user has two passwords."""
    relay, offer = pair
    first = offer[0]
    if first.secret is None or relay.in_database:
        return False
    if first.credential == "secret":
        return relay.access == "secret" and bool(relay.secrets) and first.secret not in relay.secrets
    password = relay.accounts.get(first.user)
    return relay.access == "users" and password is not None and password != first.secret


def other_way(pair: Pair) -> bool:
    """Signalling signs with a secret, and the relay knows users only; or the other way round."""
    wanted = {"secret": "users", "account": "secret"}.get(pair.offer.credential)
    return pair.relay.access == wanted and not (wanted == "users" and pair.relay.in_database)


def idle_users(relay: Relay) -> bool:
    """Users beside a secret, which shuts them out (measured with 4.6.1)."""
    return relay.access == "secret" and bool(relay.accounts)
