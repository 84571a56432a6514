"""Signalling and relay don't share the secret

Prosody makes user name and password for the relay out of a secret; coturn makes the password again out of its own
(`static-auth-secret`) and compares. The two configuration files have different secrets. They are compared without
being told: equal secrets have equal numbers in the report.

How it shows: the relay answers 401 to everybody. Whoever can reach the media server directly doesn't notice; all others
have no sound and no picture.

What to do: write the same secret into both files, without quotation marks or spaces around it, and restart both.
turnserver.conf knows no remark behind a value: what follows it on the line is part of the secret.

Sources: draft-uberti-behave-turn-rest-00; Prosody's mod_external_services and coturn's manual; measured: coturn 4.6.1
answers 401 as to any wrong password.
"""

from natprobe.derive.turn_access import Pair, other_secret, pairs
from natprobe.facts import ConfigFile, Facts, LocalAddress, Setting, ids
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.servers.coturn_lines import same_secret
from natprobe.wording import listed, mark

READS = (Setting, ConfigFile, LocalAddress)

_SECRET = mark(
    "{signalling} signs the credentials for {relays} with another secret than coturn has in {file}: it answers 401"
)
_PASSWORD = mark("{signalling} hands out {relays} with another password for the user {user} than coturn has in {file}")


def check(facts: Facts) -> Judgement:
    """Only where both files are on this server."""
    both = pairs(facts)
    if not both:
        return NOT_APPLICABLE
    return [_found(each) for each in both if other_secret(each)] or CLEAR


def _found(pair: Pair) -> Found:
    relay, offer = pair.relay, pair.offer
    signed = offer.signed or offer.said
    secret = offer.credential == "secret"
    own = relay.last("static-auth-secret") if secret else next(e for e in relay.all("user") if e.value == offer.user)
    args = {
        "signalling": f"{signed.file}:{signed.line}",
        "relays": listed(each.uri for each in pair.offers),
        "file": f"{relay.file.path}:{own.line if own else 0}",
    }
    return Found(
        message=_SECRET if secret else _PASSWORD,
        args=args if secret else args | {"user": offer.user},
        evidence=ids([each.said for each in pair.offers], signed, own or relay.file),
        file=signed.file,
        line=signed.line,
        fixes=(same_secret(args["file"], args["signalling"]),),
    )
