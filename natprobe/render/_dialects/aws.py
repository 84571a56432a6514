"""Lines for security groups of Amazon's EC2, by its command line (`aws ec2 authorize-security-group-ingress`).

A group knows the way back of what it lets through. Network ACLs don't, and are the administrator's own to look at.
"""

from __future__ import annotations

from natprobe.model import family
from natprobe.render._dialects.opening import Opening
from natprobe.render._outline import Copy
from natprobe.wording import say

_ANYBODY = ("0.0.0.0/0", "::/0")
_ALL = "0-65535"


def allow(asked: Opening) -> tuple[Copy, ...]:
    """Whom it is let in from, or out to. Answers from own ports go to whatever ports the clients have."""
    direction = "ingress" if asked.way == "in" else "egress"
    ports = (_ALL,) if asked.own else asked.ports
    permissions = " ".join(_permission(asked, port) for port in ports)
    group = say("# YOUR-GROUP-ID: that of the security group at the machine's network interface")
    line = f"aws ec2 authorize-security-group-{direction} --group-id YOUR-GROUP-ID --ip-permissions {permissions}"
    return (Copy(label="aws", lines=(group, line)),)


def _permission(asked: Opening, port: str) -> str:
    first, _, last = port.partition("-")
    anybody = [each for each in _ANYBODY if family(each) in asked.families]
    networks = [f"{each}/{32 if family(each) == 4 else 128}" for each in asked.addresses] or anybody
    four = ",".join(f"{{CidrIp={each}}}" for each in networks if family(each) == 4)
    six = ",".join(f"{{CidrIpv6={each}}}" for each in networks if family(each) == 6)
    ranges = [f"IpRanges=[{four}]"] * bool(four) + [f"Ipv6Ranges=[{six}]"] * bool(six)
    return f"'IpProtocol={asked.proto},FromPort={first},ToPort={last or first},{','.join(ranges)}'"
