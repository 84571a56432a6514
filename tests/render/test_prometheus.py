"""Prometheus' text format: what each metric says."""

from __future__ import annotations

import msgspec

from natprobe.facts import Certificate
from natprobe.render._manner import Gate
from tests.made import WEB
from tests.render.machine import kept, values
from tests.samples import filled


def test_metrics_of_a_report() -> None:
    found = values(kept("udp-blocked"))
    assert found["natprobe_success"] == 1
    assert found["natprobe_verdict degraded"] == 1
    assert found["natprobe_verdict good"] == 0
    assert found["natprobe_path_open direct-udp"] == 0
    assert found["natprobe_path_open direct-tcp"] == found["natprobe_path_chosen direct-tcp"] == 1
    assert found["natprobe_path_rtt_seconds direct-tcp"] == 0.03
    assert found["natprobe_finding NP101 udp-blocked warning"] == 1
    assert found["natprobe_findings error"] == 0
    assert found["natprobe_run_start_timestamp_seconds 1"] == 1795241517
    assert found["natprobe_run_duration_seconds 1"] == 2.53


def test_what_is_unknown_has_no_value() -> None:
    found = values(kept("web-broken"))
    assert found["natprobe_path_known direct-udp"] == 0
    assert "natprobe_path_open direct-udp" not in found
    assert found["natprobe_stage_ok web"] == 0
    assert found["natprobe_exit_code"] == 1
    assert "natprobe_stage_ok session" not in found


def test_the_gate_decides_on_success() -> None:
    report = kept("web-broken")
    assert values(report, Gate(code=0))["natprobe_success"] == 1
    assert values(report, Gate(code=3))["natprobe_exit_code"] == 3


def test_of_several_certificates_at_one_place_the_first_to_end_counts() -> None:
    at = {"endpoint": f"{WEB}:443", "name": "meet.example.test", "transport": "tls"}
    ends = ("2026-12-24T00:00:00Z", "2026-12-01T00:00:00Z", "2026-02-31T00:00:00Z")
    shown = tuple(filled(Certificate, not_after=each, **at) for each in ends)
    report = msgspec.structs.replace(kept("peer-healthy"), observations=shown)
    found = {name: value for name, value in values(report).items() if "expiry" in name}
    assert found == {f"natprobe_certificate_expiry_timestamp_seconds {WEB}:443 meet.example.test tls": 1796083200}
