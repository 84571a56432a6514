"""No address, name or user of the original is in any format of a redacted report, wherever it stood and however."""

from __future__ import annotations

import random
import re
from functools import cache

import msgspec
import pytest

from natprobe.diagnose import diagnose
from natprobe.facts import Certificate
from natprobe.model import Report
from natprobe.redact import Redactor, redacted
from natprobe.render import formats, renderer
from natprobe.render._manner import Manner
from tests.redaction.telltale import HOST, SECRETS, TARGET, TELLING, V4, certificate, report

KEY = random.Random(3).randbytes(32)
LOUD = Manner(verbose=True)


@cache
def hidden() -> Report:
    found = report()
    return redacted(found, Redactor(found.target, found.observations, found.sources, KEY))


@pytest.mark.parametrize("name", formats())
def test_in_no_format(name: str) -> None:
    told = renderer(name).render(hidden(), LOUD).lower()
    assert [each for each in SECRETS if each in told] == []
    assert "/home/user-" in told or name not in ("json", "html", "text")


@pytest.mark.parametrize("name", ["json", "html", "text"])
def test_the_test_would_find_each(name: str) -> None:
    told = re.sub(r"\s+", "", renderer(name).render(report(), LOUD).lower())
    assert [each for each in SECRETS if each not in told] == []


def test_nor_in_words_beside_it() -> None:
    """What a gate says of it: `direct-udp@meet…`, and why."""
    redactor = Redactor(TARGET, report().observations, report().sources, KEY)
    told = redactor.words(f"direct-udp@{HOST}/4 wants {V4}; {TELLING}").lower()
    assert [each for each in SECRETS if each in told] == []
    assert told.startswith("direct-udp@meet.name-")


def test_what_is_nobodys_stays() -> None:
    redactor = Redactor(TARGET, (), (), KEY)
    for words in (
        "401 Unauthorized",
        "Coturn-4.6.1 'Gorst'",
        "nginx/1.22.1",
        "inet filter input",
        "/etc/jitsi/videobridge/jvb.conf",
        "~/.jitsi-meet-cfg",
        "${JVB_PORT:-10000}:${JVB_PORT:-10000}/udp",
        "org.ice4j.ice.harvest.NAT_HARVESTER_LOCAL_ADDRESS",
        "jitsi/web:stable-5142-1",
        "stun:meet-jit-si-turnrelay.jitsi.net:443",
        "stun.l.google.com",
        "TLS_AES_256_GCM_SHA384",
        "at 12:34:56, 127.0.0.1:8080, 0.0.0.0, [::1]:3, 224.0.0.251, 10.0.0.0/8, fe80::/10, localhost",
        "10.0.0.0-10.255.255.255",
    ):
        assert redactor.words(words) == words


def test_the_words_of_the_findings_name_the_stand_ins() -> None:
    """So that they are about something that the reader finds in the report."""
    found = diagnose(TARGET, hidden().observations, hidden().sources)
    assert found.target.host == TARGET.host  # the original, to see that it is asked for
    assert hidden().target.host != HOST
    assert hidden().target.host in hidden().target.input
    assert hidden().sources[0].label == "vantage 1"


@pytest.mark.parametrize(
    "words",
    [
        r"C:\Users\ljungberg\AppData",  # known from nowhere else
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJsanVuZ2JlcmcifQ.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        "at 0011.2233.aabb",
        "not for 91.34.201.*",
        "10.83.*",
    ],
)
def test_what_nothing_else_in_the_report_names(words: str) -> None:
    told = Redactor(TARGET, (), (), KEY).words(words).lower()
    secrets = ("ljungberg", "eyjhbgci", "eyjzdwii", "dozjg", "2233.aabb", "91.34", "10.83")
    assert [each for each in secrets if each in told] == []


def test_a_holder_with_a_comma_goes_whole() -> None:
    found = msgspec.structs.replace(certificate(), subject="CN=x,O=Acme, Ltd. of Nordstad,C=GB")
    hidden_ = Redactor(TARGET, (found,), (), KEY).all().observations[0]
    assert isinstance(hidden_, Certificate)
    assert "ordstad" not in hidden_.subject
    assert hidden_.subject.endswith(",C=GB")
