"""The relay refuses the credentials

The relay asked for credentials, was given some, and answered 401 again (or 403 or 441). To a client a wrong password,
an unknown user, a timestamp that has passed, a wrong shared secret and the wrong kind of credentials all look the same:
relays answer the same on purpose. coturn's log tells more: `credentials are incorrect` is a wrong password of a user
that it knows, `Cannot find credentials` all the others.

How it shows: the relay answers every ping and test of its port, and no call gets through it. Calls between networks
that need it never connect.

What to do: compare, on both sides:

- With a shared secret: Prosody's `external_service_secret` (or `turn_external_secret`, `turncredentials_secret`)
  against `static-auth-secret` of turnserver.conf: the same to the letter, without quotes or spaces at the end; and the
  clocks of both machines (`date -u`), since the user name is the time when it ends.
- With users: the line `user=NAME:PASSWORD`, and `realm`, which is hashed into it where the database has keys.
- The clocks: where the web front's own (its answers' Date) is more than five minutes from this machine's and the user
  name carries a time, the finding says so first.
- The mode: `use-auth-secret` or `static-auth-secret` beside `lt-cred-mech` with `user=` turns the static users off:
  the secret wins (measured with coturn 4.6.1). Without either, only users count, and what Prosody makes is refused.
- Which file the relay reads (`turnserver -c`), and that it was started again since.

The first 401 in its log is nothing: every allocation begins with one.

Sources: RFC 8489 sections 9.2.4 and 9.2.5, RFC 8656 section 7.2, draft-uberti-behave-turn-rest-00 section 2.2;
measured: coturn 4.6.1.
"""

from natprobe.derive.clocks import clock_off, in_words
from natprobe.derive.relays import LegFacts, access, legs_in
from natprobe.facts import Allocation, Facts, HttpReply, Run, TurnServer, ids
from natprobe.model import Alternative, Do, Fix
from natprobe.rules import CouldNotTell, Found, Judgement, alternative
from natprobe.rules._legs import found, nothing
from natprobe.servers import coturn
from natprobe.target import url_parts
from natprobe.wording import mark, phrase

READS = (Allocation, HttpReply, Run, TurnServer)

_SAME = {
    "password": mark(
        "The relay {host} refuses the credentials over {transport} ({server}): 401, which says the same of a wrong"
        " user name, a wrong password, and of a relay that only takes what a shared secret makes"
    ),
    "secret": mark(
        "The relay {host} refuses the credentials over {transport} ({server}): 401, which says the same of a wrong"
        " shared secret, a timestamp that has passed, and of a relay that only takes users with passwords"
    ),
}
_OTHER = mark("The relay {host} refuses this user over {transport} ({server}): {words}")
_WHAT = {
    "password": ("user name, a wrong password, and of a relay that only takes what a shared secret makes"),
    "secret": ("shared secret, a timestamp that has passed, and of a relay that only takes users with passwords"),
}
_AHEAD = mark("the clock of {host} is {amount} ahead of this machine's")
_BEHIND = mark("the clock of {host} is {amount} behind this machine's")
_GIVE = phrase(
    "natprobe check with --turn-username NAME and --turn-password-file FILE, or with --turn-secret-file FILE"
)


def check(facts: Facts) -> Judgement:
    """Without credentials the relay only says that it is guarded."""
    if groups := legs_in(facts, "unauthorized"):
        return [_found(facts, group) for group in groups]
    if legs_in(facts, "needs-credentials"):
        return CouldNotTell(reason="needs-credentials", ask=_GIVE)
    return nothing(facts)


def _found(facts: Facts, group: list[LegFacts]) -> Found:
    allocation = group[0].allocation
    given = access(facts, allocation)
    kind = "secret" if given == "secret" else "password"
    clock = clock_off(facts) if given in ("secret", "given") else None  # signalling makes user names of the time
    return found(
        facts,
        group,
        _SAME[kind] if allocation.error_code == 401 else _OTHER,
        more={"what": _WHAT[kind], "words": allocation.detail or str(allocation.error_code)},
        fixes=(_COMPARE[kind], _MODE),
        evidence=ids(clock[0]) if clock else (),
        alternatives=(
            *((_clock(*clock),) if clock else ()),
            alternative(
                "turn-secret-mismatch",
                phrase("on both servers: is static-auth-secret Prosody's {prosody}?", prosody=coturn.PROSODY),
            ),
            alternative("turn-auth-mode-conflict", "on the relay: is use-auth-secret beside lt-cred-mech and user=?"),
        ),
    )


def _clock(reply: HttpReply, ahead: float) -> Alternative:
    host = url_parts(reply.url).hostname or reply.endpoint
    template = _AHEAD if ahead > 0 else _BEHIND
    words = phrase(template, host=host, amount=in_words(ahead))
    ask = phrase(
        "{words}: date -u there, on the relay and here, since user names carry the time of their end", words=words
    )
    return alternative("clock-off", ask)


_COMPARE: dict[str, Fix] = {
    "password": Do(
        text=phrase(
            "Compare user name and password with the line user=NAME:PASSWORD of {file}, and the realm"
            " with what they were made for (turnadmin -l)",
            file=coturn.FILE,
        ),
        audience="server",
        after=coturn.RESTART,
    ),
    "secret": Do(
        text=phrase(
            "Compare static-auth-secret in {file} with {prosody} of Prosody, to the letter, and the"
            " clocks of both machines (date -u)",
            file=coturn.FILE,
            prosody=coturn.PROSODY,
        ),
        audience="server",
        after=coturn.RESTART,
    ),
}
_MODE = Do(
    text=phrase(
        "In {file}, have one kind of access: use-auth-secret with static-auth-secret for what"
        " signalling makes, or lt-cred-mech with user= alone; where both stand, the users stop"
        " working",
        file=coturn.FILE,
    ),
    audience="server",
    after=coturn.RESTART,
)
