"""The merged reports contradict each other

Reports that are diagnosed together have to be about one server at one time. These are not: a client was led to an
address that the server of the other report does not have, or was answered by a port that nobody has there, or they
were made so long after each other that the server may have been changed between.

What to do: see that the server's report is of the machine that clients reach (`natprobe inspect` shows its
addresses), and make both reports anew, one right after the other. Where the server's name leads to another machine
than its administrator believes, that is the cause.

Sources: none but reason.
"""

from collections.abc import Sequence

from natprobe.derive.deciding import Decided
from natprobe.derive.joint import apart, contradictions, failing, name_of
from natprobe.facts import Facts, IceCheck, Listening, LocalAddress, Run, ids
from natprobe.model import Do, Fix, Severity
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.rules._together import judged
from natprobe.wording import mark, phrase

READS = (IceCheck, Listening, LocalAddress, Run)

_ADDRESS = {
    "address": mark(
        "{clients} was led to {address}, and the server of the other report has {own}: these reports are about"
        " two servers, or the name leads to the wrong one"
    )
}
_ANSWERED = mark(
    "The media server answers {client} at {endpoint}, and nobody has that port on the server of the other report: these"
    " reports are about two servers, or two times"
)
_TIMES = mark(
    "The report of {later} was made {hours} hours after that of {earlier}: the server may have been changed between"
)
_AGAIN = Do(
    text="Make the reports anew, one right after the other, and the server's on the machine that clients are led to",
    audience="server",
)


def check(facts: Facts) -> Judgement:  # one vantage contradicts nobody
    """Nothing by itself."""
    return NOT_APPLICABLE


def check_together(vantages: Sequence[Facts]) -> Judgement:
    """Addresses, answers and times that can't be of one server."""
    if not any(each.vantage == "server" for each in vantages):
        return NOT_APPLICABLE
    led = judged(vantages, "vantages-disagree", _ADDRESS, _fixes)
    found = [*(led if isinstance(led, list) else ()), *_answered(vantages), *_times(vantages)]
    return found or CLEAR


def _answered(vantages: Sequence[Facts]) -> list[Found]:
    return [
        Found(
            message=_ANSWERED,
            args={"client": name_of(client), "endpoint": check.endpoint},
            evidence=ids(check),
            fixes=(_AGAIN,),
        )
        for client, _, check in contradictions(vantages)
    ]


def _times(vantages: Sequence[Facts]) -> list[Found]:
    """Worth knowing where something fails: what is well on both sides is well."""
    found = apart(vantages) if failing(vantages) else None
    if found is None:
        return []
    earlier, later, seconds = found
    evidence = ids(earlier.of(Run), later.of(Run))
    args = {"earlier": name_of(earlier), "later": name_of(later), "hours": round(seconds / 3600)}
    return [Found(message=_TIMES, args=args, evidence=evidence, severity=Severity.NOTE, fixes=(_AGAIN,))]


def _fixes(found: Decided) -> tuple[Fix, ...]:
    look = phrase("See on the server which addresses it has (ip address show), and have the name lead to one")
    return (
        Do(text=phrase("{look}: its report shows {own}", look=look, own=found.args["own"]), audience="server"),
        _AGAIN,
    )
