"""A PAC script that was got, and that no engine here could run: the browser's way is not known."""

from __future__ import annotations

import msgspec

from natprobe.facts import ProxyScript
from natprobe.model import Failure
from tests.made import HOST, WEB, doubt, named, report
from tests.made_jitsi import JITSI, PASSES, jitsi
from tests.made_proxy import SHUT, SOCKETS_DEAD

NOT_RUN = ProxyScript(
    by="environment",
    url="http://pac.example.test/proxy.pac",
    asked=f"https://{HOST}/",
    size=300,
    failure=Failure.UNSUPPORTED,
)


def test_what_a_script_that_was_not_run_says_nobody_knows() -> None:
    """Nothing opens straight, and by the script's proxy all may be well."""
    unnamed = named(failure=Failure.NXDOMAIN)
    for seen in ((named(WEB), *SOCKETS_DEAD, *SHUT), (unnamed, *SOCKETS_DEAD)):
        made = report(NOT_RUN, *seen, target=JITSI)
        assert {each.cause for each in made.findings} & {"web-unreachable", "name-unresolved", "dns-filtered"} == set()
        assert (made.verdict.status, made.verdict.stages.web) == ("unknown", "unknown")
        assert {each.reason for each in made.paths if each.name.endswith("-proxy")} == {"proxy-script-not-run"}
    assert doubt("web-unreachable", NOT_RUN, named(WEB), *SHUT, target=JITSI) == "proxy-script-not-run"


def test_a_page_that_came_without_the_script_came() -> None:
    made = report(NOT_RUN, *jitsi(*PASSES), target=JITSI)
    assert (made.verdict.status, made.verdict.media, made.verdict.stages.web) == ("good", "direct-udp", "ok")
    elsewhere = msgspec.structs.replace(NOT_RUN, asked="https://turn.example.test/")
    assert "web-unreachable" in {each.cause for each in report(elsewhere, *SHUT, named(WEB), target=JITSI).findings}
