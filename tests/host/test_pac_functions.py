"""What a PAC file may call, each as browsers have it, in the process that runs such files."""

from __future__ import annotations

import calendar
import json
from typing import Any

import pytest

from natprobe.host import sandbox as module
from natprobe.host.sandbox import PacSandbox

# Saturday, 21 November 2026, 22:30:15 UTC.
NOW = calendar.timegm((2026, 11, 21, 22, 30, 15)) * 1000
NAMES: dict[str, str | None] = {
    "4 www.example.com": "192.0.2.7",
    "4 nowhere.example.com": None,
    "* nowhere.example.com": None,
    "* www.example.com": "2001:db8::7;192.0.2.7",
}


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine: what ends by itself is given all the time."""
    monkeypatch.setattr(module, "RUN_SECONDS", 30.0)


def said(script: str, **given: Any) -> dict[str, Any]:
    """One run, in a process of its own."""
    request = {"url": "https://meet.example.com/", "host": "meet.example.com", "known": NAMES, "full": False}
    sandbox = PacSandbox()
    try:
        return sandbox.run_now({"script": script, "own": [], "now": NOW, **request, **given})
    finally:
        sandbox.close()


def values(expressions: list[str], **given: Any) -> list[Any]:
    """Of each expression; `throws` of one that does."""
    each = ",".join(f"function(url,host){{return {expression};}}" for expression in expressions)
    each_or = "function(f){try{return f(url,host);}catch(e){return 'throws';}}"
    found = said(f"function FindProxyForURL(url,host){{return JSON.stringify([{each}].map({each_or}));}}", **given)
    answer: list[Any] = json.loads(found["answer"])
    return answer


def check(table: dict[str, Any], **given: Any) -> None:
    assert dict(zip(table, values(list(table), **given), strict=True)) == table


def test_what_a_file_is_told() -> None:
    check({"url": "https://meet.example.com/", "host": "meet.example.com", "alert('x')": None})


def test_names() -> None:
    check(
        {
            "isPlainHostName('www')": True,
            "isPlainHostName('www.example.com')": False,
            "isPlainHostName('2001:db8::1')": False,
            "dnsDomainIs('www.example.com', '.example.com')": True,
            "dnsDomainIs('www', '.example.com')": False,
            "dnsDomainIs('www.example.org', '.example.com')": False,
            "dnsDomainIs('example.com', '.example.com')": False,
            "localHostOrDomainIs('www.example.com', 'www.example.com')": True,
            "localHostOrDomainIs('www', 'www.example.com')": True,
            "localHostOrDomainIs('home.example.com', 'www.example.com')": False,
            "localHostOrDomainIs('ww', 'www.example.com')": False,
            "dnsDomainLevels('www')": 0,
            "dnsDomainLevels('www.example.com')": 2,
        }
    )


def test_lookups() -> None:
    check(
        {
            "isResolvable('www.example.com')": True,
            "isResolvable('nowhere.example.com')": False,
            "dnsResolve('www.example.com')": "192.0.2.7",
            "dnsResolve('nowhere.example.com')": None,
            "dnsResolve('198.51.100.9')": "198.51.100.9",
            "dnsResolve('what is this?')": None,
            "dnsResolve('')": None,
            "dnsResolve(null)": None,
            "dnsResolve('x'.repeat(300))": None,
            "isResolvableEx('www.example.com')": True,
            "isResolvableEx('nowhere.example.com')": False,
            "dnsResolveEx('www.example.com')": "2001:db8::7;192.0.2.7",
            "dnsResolveEx('nowhere.example.com')": "",
            "dnsResolveEx('2001:db8::9')": "2001:db8::9",
        }
    )


def test_networks() -> None:
    check(
        {
            "isInNet('192.0.2.7', '192.0.2.0', '255.255.255.0')": True,
            "isInNet('192.0.3.7', '192.0.2.0', '255.255.255.0')": False,
            "isInNet('192.0.3.7', '192.0.2.0', '255.255.0.0')": True,
            "isInNet('www.example.com', '192.0.2.7', '255.255.255.255')": True,
            "isInNet('nowhere.example.com', '0.0.0.0', '0.0.0.0')": False,
            "isInNet('192.0.2.777', '0.0.0.0', '0.0.0.0')": False,
            "isInNet('192.0.2.7', 'what', '255.255.255.0')": False,
            "isInNet(dnsResolve('nowhere.example.com'), '0.0.0.0', '0.0.0.0')": False,
            "isInNetEx('192.0.2.7', '192.0.2.0/24')": True,
            "isInNetEx('192.0.3.7', '192.0.2.0/24')": False,
            "isInNetEx('2001:db8::7', '2001:db8::/32')": True,
            "isInNetEx('2001:db9::7', '2001:db8::/32')": False,
            "isInNetEx('::ffff:192.0.2.7', '::ffff:192.0.2.0/120')": True,
            "isInNetEx('192.0.2.7', '2001:db8::/32')": False,
            "isInNetEx('192.0.2.7', '192.0.2.0/33')": False,
            "isInNetEx('1::2::3', '::/0')": False,
            "convert_addr('104.16.41.2')": 1745889538,
            "convert_addr('192.0.2.1')": -1073741311,
            "sortIpAddressList('192.0.2.9;2001:db8::2;192.0.2.7;2001:db8::1')": (
                "2001:db8::1;2001:db8::2;192.0.2.7;192.0.2.9"
            ),
            "sortIpAddressList('192.0.2.9;what')": False,
        }
    )


def test_own_addresses() -> None:
    check({"myIpAddress()": "127.0.0.1", "myIpAddressEx()": ""})
    own = ["192.0.2.44", "2001:db8::44"]
    check({"myIpAddress()": "192.0.2.44", "myIpAddressEx()": "192.0.2.44;2001:db8::44"}, own=own)


def test_shell_patterns() -> None:
    check(
        {
            "shExpMatch('http://home.example.com/people/ari/index.html', '*/ari/*')": True,
            "shExpMatch('http://home.example.com/people/montulli/index.html', '*/ari/*')": False,
            "shExpMatch('www.example.com', '*.example.com')": True,
            "shExpMatch('wwwxexample.com', 'www.example.com')": False,
            "shExpMatch('a1', 'a?')": True,
            "shExpMatch('a12', 'a?')": False,
            "shExpMatch('b.com', '(a.com|b.com)')": True,
            "shExpMatch('b.com', '[ab].com')": True,
            "shExpMatch('b.com', '(')": "throws",
        }
    )


def test_weekdays() -> None:
    check(
        {
            "weekdayRange('SAT')": True,
            "weekdayRange('SUN')": False,
            "weekdayRange('MON', 'FRI')": False,
            "weekdayRange('FRI', 'MON')": True,
            "weekdayRange('THU', 'SAT', 'GMT')": True,
            "weekdayRange('SAT', 'GMT')": True,
            "weekdayRange('Saturday')": False,
            "weekdayRange()": False,
        }
    )


def test_dates() -> None:
    check(
        {
            "dateRange(21)": True,
            "dateRange(22, 'GMT')": False,
            "dateRange('NOV')": True,
            "dateRange('DEC')": False,
            "dateRange(2026)": True,
            "dateRange(2025)": False,
            "dateRange(20, 22)": True,
            "dateRange(1, 15)": False,
            "dateRange(25, 21)": True,
            "dateRange('OCT', 'DEC')": True,
            "dateRange('DEC', 'OCT')": False,
            "dateRange('NOV', 'JAN')": True,
            "dateRange(2025, 2027)": True,
            "dateRange(21, 'NOV')": True,
            "dateRange(24, 'DEC')": False,
            "dateRange(22, 'OCT', 21, 'NOV')": True,
            "dateRange(22, 'NOV', 5, 'JAN')": False,
            "dateRange('OCT', 1995, 'MAR', 1996)": False,
            "dateRange('OCT', 2026, 'MAR', 2027)": True,
            "dateRange(1, 'JUN', 1995, 15, 'AUG', 1995)": False,
            "dateRange(1, 'JUN', 2026, 21, 'NOV', 2026, 'GMT')": True,
            "dateRange()": False,
            "dateRange('XYZ')": False,
            "dateRange(1, 2, 3, 4, 5)": False,
        }
    )


def test_times() -> None:
    check(
        {
            "timeRange(22)": True,
            "timeRange(23)": False,
            "timeRange(9, 17)": False,
            "timeRange(20, 22, 'GMT')": True,
            "timeRange(22, 6)": True,
            "timeRange(23, 6)": False,
            "timeRange(22, 0, 22, 30)": True,
            "timeRange(22, 31, 23, 0)": False,
            "timeRange(22, 30, 15, 22, 30, 15)": True,
            "timeRange(22, 30, 16, 22, 30, 20)": False,
            "timeRange()": False,
            "timeRange('x')": False,
        }
    )


def test_time_is_this_machines_unless_it_is_to_be_gmt(monkeypatch: pytest.MonkeyPatch) -> None:
    """POSIX: nine hours east; the next day there."""
    monkeypatch.setenv("TZ", "HERE-9")
    check(
        {
            "weekdayRange('SUN')": True,
            "weekdayRange('SAT', 'GMT')": True,
            "dateRange(22)": True,
            "timeRange(7)": True,
            "timeRange(22, 'GMT')": True,
        }
    )


def test_a_file_may_have_functions_of_the_same_name() -> None:
    found = said("function isInNet() { return 'mine'; } function FindProxyForURL() { return isInNet(); }")
    assert found["answer"] == "mine"


@pytest.mark.parametrize(
    "names",
    ["parseInt", "FindProxyForURL", "dnsResolve"],
)
def test_there_is_nothing_to_reach_the_machine_with(names: str) -> None:
    """No global but the language's own, PAC's and the file's."""
    asked = "Object.getOwnPropertyNames(globalThis).filter(function (each) { return /^[a-z]/.test(each); }).join()"
    found = set(said(f"function FindProxyForURL() {{ return {asked} + ',FindProxyForURL'; }}")["answer"].split(","))
    reaching = {"std", "os", "require", "process", "print", "console", "scriptArgs", "fetch", "setTimeout", "load"}
    assert names in found
    assert not found & reaching
