"""Who ends TLS on the way and signs certificates of its own: by the names in their issuers, as the makers ship them."""

from __future__ import annotations

import re

from natprobe.wording import phrase

# What stands in an issuer -> whose it is. Whole words only, and none that a public authority has: Cloudflare's and
# Symantec's own are told apart from what their gateways sign with.
_MAKERS: dict[str, str] = {
    r"zscaler": "Zscaler",
    r"fortinet|fortigate": "Fortinet",
    r"palo alto networks": "Palo Alto Networks",
    r"sophos\w*": "Sophos",
    r"blue ?coat|proxysg|symantec web security service": "Symantec (Blue Coat)",
    r"cisco umbrella|opendns": "Cisco Umbrella",
    r"cisco (web security|ironport|firepower)\w*|ironport": "Cisco",
    r"netskope|goskope": "Netskope",
    r"mcafee|skyhigh": "Skyhigh (McAfee)",
    r"forcepoint|websense": "Forcepoint",
    r"check ?point": "Check Point",
    r"barracuda": "Barracuda",
    r"watchguard\w*|fireware": "WatchGuard",
    r"sonicwall": "SonicWall",
    r"gateway ca - cloudflare managed": "Cloudflare Gateway",
    r"iboss": "iboss",
    r"smoothwall": "Smoothwall",
    r"menlo security": "Menlo Security",
    r"untangle": "Untangle",
    r"securly": "Securly",
    r"lightspeed (systems|rocket|filter)": "Lightspeed",
    r"contentkeeper": "ContentKeeper",
    r"kaspersky": "Kaspersky",
    r"eset ssl filter": "ESET",
    r"(avast|avg)!? (web/mail shield|trusted|untrusted)": "Avast",
    r"bitdefender personal": "Bitdefender",
    r"dr\.? ?web": "Dr.Web",
    r"adguard": "AdGuard",
    r"squid": "Squid",
    r"mitmproxy": "mitmproxy",
    r"charles proxy": "Charles",
    r"portswigger": "Burp",
    r"fiddler\w*|do_not_trust_fiddlerroot": "Fiddler",
    # No maker's: what administrators call an authority that they made for it.
    r"(ssl|tls|https)[ -]?(inspection|interception|decryption|filter|proxy)": phrase("an inspection of TLS"),
    r"(web|content)[ -]?filter|decryption ca": phrase("a web filter"),
}
_KNOWN = [(re.compile(rf"(?<![a-z0-9])(?:{words})(?![a-z0-9])"), whose) for words, whose in _MAKERS.items()]
# An issuer is a server's own text: so much of it is looked at.
_LONGEST = 500


def maker(issuer: str) -> str | None:
    """Whose device or program signs so; None: nobody that is known for it."""
    text = issuer[:_LONGEST].lower()
    return next((whose for pattern, whose in _KNOWN if pattern.search(text)), None)


def words_of_makers(issuer: str) -> list[str]:
    """What in it names makers, in small letters, each once: without the rest `maker` says the same."""
    text = issuer[:_LONGEST].lower()
    return list(dict.fromkeys(found[0] for pattern, _ in _KNOWN if (found := pattern.search(text))))


# Programs that run where the browser does.
_PROGRAMS = (
    "Kaspersky",
    "ESET",
    "Avast",
    "Bitdefender",
    "Dr.Web",
    "AdGuard",
    "Charles",
    "Burp",
    "Fiddler",
    "mitmproxy",
)


def on_this_machine(whose: str) -> bool:
    """Whether what signs so is a program on the client's own machine, and no device of its network."""
    return whose in _PROGRAMS
