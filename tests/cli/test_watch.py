"""What `serve --watch` says: of every sender once, and not more than people can read."""

from __future__ import annotations

import pytest

from natprobe.cli import watch
from natprobe.serve.counting import ENTRIES_MAX, Counts, Sent

HERE = ("203.0.113.5", 10000)


def test_a_flood_of_senders_is_told_of_in_part(capsys: pytest.CaptureFixture[str]) -> None:
    now = [100.0]
    news = watch._News(lambda: now[0])
    for second in range(60):
        now[0] = 100.0 + second
        for number in range(50):
            news.tell(Sent("udp", HERE, (f"198.51.{second}.{number}", 5000), "rtp"))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == watch.LINES_MAX
    assert sum("198.51.3." in each for each in lines) == watch.LINES_EACH_SECOND
    assert news.untold == 60 * 50 - watch.LINES_MAX
    assert lines[0] == "UDP 10000 from 198.51.0.0:5000 to 203.0.113.5: RTP or RTCP"


def test_whose_checks_they_are_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    watch._News(lambda: 1.0).tell(Sent("udp", HERE, ("198.51.100.7", 5000), "check", session="abcd1234"))
    assert capsys.readouterr().out == "UDP 10000 from 198.51.100.7:5000 to 203.0.113.5: ICE checks, of abcd1234\n"


def test_figures_are_of_the_busiest() -> None:
    counts = Counts(0.0, "interface")
    for number in range(watch.COUNTED_MAX + 3):
        for _ in range(number + 1):
            counts.arrived(Sent("udp", HERE, ("198.51.100.7", number), "rtp"), 1200, 1.0)
    lines = watch._figures(counts, 2.0).splitlines()
    assert lines[0] == "  UDP 10000 from 198.51.100.7:12: RTP or RTCP, 13, 13 of full size, 0 answered"
    assert lines[-1] == "  and 3 more"
    assert len(lines) == watch.COUNTED_MAX + 1
    assert watch._figures(Counts(0.0), 2.0) == ""


@pytest.mark.parametrize(("senders", "kept"), [(3, "them"), (ENTRIES_MAX + 3, f"the last {ENTRIES_MAX} of all")])
def test_what_the_counts_have_is_said_as_it_is(senders: int, kept: str, capsys: pytest.CaptureFixture[str]) -> None:
    counts = Counts(0.0, "interface")
    for number in range(senders):
        counts.arrived(Sent("udp", HERE, ("198.51.100.7", number + 1), "rtp"), 100, 1.0)
    watch._sum_up(counts, 2.0, dropped=0, untold=2)
    assert f"2 senders more than could be told of; the counts have {kept}\n" in capsys.readouterr().err
