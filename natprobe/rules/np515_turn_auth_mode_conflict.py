"""Static users and shared secret exclude each other

A relay takes either users that are written into its file (`lt-cred-mech` with `user=NAME:PASSWORD`), or names with an
expiry that signalling signs with a secret (`use-auth-secret` with `static-auth-secret`). Beside a secret, users don't
count any more; without one, what Prosody signs opens nothing. Guides on the web show one half of each.

How it shows: 401 for everybody who is handed credentials the other way. Whoever tries the relay with the static
user, by hand, finds it in order.

What to do: the shared secret. Take `user=` out, add `use-auth-secret` and `static-auth-secret`, with the secret that
Prosody has. `lt-cred-mech` may stay. Credentials in config.js are not needed then, and nobody can read them there.

Sources: coturn's manual; measured: coturn 4.6.1 and Prosody 0.12.3 with the files of such a guide, before and after.
"""

from natprobe.derive.turn_access import Pair, idle_users, other_way, pairs
from natprobe.derive.turnserver import Relay, relays
from natprobe.facts import ConfigFile, Facts, LocalAddress, Setting, ids
from natprobe.model import Fix, Severity
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.servers.coturn_lines import added, removed, same_secret
from natprobe.wording import listed, mark, phrase

READS = (Setting, ConfigFile, LocalAddress)

_NO_SECRET = mark(
    "{signalling} signs the credentials for {relays} with a secret, and coturn has none but static users in {file}:"
    " it answers 401 to everybody"
)
_NO_USER = mark(
    "{signalling} hands out {relays} with the user {user}, and coturn takes only what is signed with its secret"
    " ({file}): it answers 401 to everybody"
)
_IDLE = mark("The users of {file} ({users}) open nothing: beside a secret coturn takes no static users")


def check(facts: Facts) -> Judgement:
    """Users in vain beside a secret harm nobody who has the secret: a warning."""
    there = relays(facts)
    if not there:
        return NOT_APPLICABLE
    found = [_found(each) for each in pairs(facts) if other_way(each)]
    told = {each.file for each in found}
    idle = [_idle(each) for each in there if idle_users(each) and each.file.path not in told]
    return [*found, *idle] or CLEAR


def _found(pair: Pair) -> Found:
    relay, offer = pair.relay, pair.offer
    signed = offer.signed or offer.said
    own = relay.last("user") or relay.last("lt-cred-mech") or relay.last("static-auth-secret")
    args = {
        "signalling": f"{signed.file}:{signed.line}",
        "relays": listed(each.uri for each in pair.offers),
        "file": f"{relay.file.path}:{own.line if own else 0}",
    }
    secret = offer.credential == "secret"
    return Found(
        message=_NO_SECRET if secret else _NO_USER,
        args=args if secret else args | {"user": offer.user},
        evidence=ids([each.said for each in pair.offers], signed, own or relay.file),
        file=relay.file.path,
        line=own.line if own else None,
        fixes=_to_secret(relay, args["signalling"]),
    )


def _to_secret(relay: Relay, signalling: str) -> tuple[Fix, ...]:
    """One line more, the users' lines less; the secret itself only people can write."""
    path = relay.file.path
    out = [
        removed("user", file=path, at=each.line, why=phrase("it opens nothing beside a secret"))
        for each in relay.all("user")
    ]
    behind = relay.last("lt-cred-mech") or relay.last("realm")
    why = phrase("signalling signs credentials that end by themselves")
    flag = added("use-auth-secret", file=path, behind=behind.line if behind else relay.end, why=why)
    return (*([] if relay.on("use-auth-secret") else [flag]), *out, same_secret(path, signalling))


def _idle(relay: Relay) -> Found:
    users = relay.all("user")
    return Found(
        message=_IDLE,
        args={"file": f"{relay.file.path}:{users[0].line}", "users": ", ".join(each.value or "?" for each in users)},
        evidence=ids(users),
        severity=Severity.WARNING,
        file=relay.file.path,
        line=users[0].line,
        fixes=tuple(
            removed("user", file=each.file, at=each.line, why=phrase("it opens nothing beside a secret"))
            for each in users
        ),
    )
