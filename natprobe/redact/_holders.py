"""Stand-ins within the names of certificates' holders and authorities (RFC 4514). Pure.

Makers of inspections and public authorities stay: rules judge by them, and they name nobody here.
"""

from __future__ import annotations

import re

from natprobe.redact._names import Names
from natprobe.redact._texts import Texts
from natprobe.servers.middleboxes import words_of_makers

_PART = re.compile(
    r"(?P<key>(?:^|(?<=[,+]))\s*[A-Za-z0-9.]{1,40}=)(?P<value>(?:[^,+\\]|\\.|[,+](?!\s*[A-Za-z0-9.]{1,40}=))*)",
    re.DOTALL,
)
# A country (RFC 4519 section 2.2) is no name.
_COUNTRY = "C="
_AUTHORITY = ("O=", "CN=")
_PUBLIC = re.compile(
    r"(?:let's encrypt|isrg|internet security research group|digicert|geotrust|thawte|rapidssl|sectigo|comodo|usertrust"
    r"|the usertrust network|zerossl|globalsign|google trust services|gts|amazon|microsoft corporation|godaddy"
    r"|starfield|entrust|identrust|buypass|swisssign|certum|asseco|actalis|ssl corp|ssl\.com|cloudflare|trustasia"
    r"|wotrus|china financial certification authority|globaltrust|d-trust|t-systems|quovadis|harica|e-?tugra)\b.*",
    re.IGNORECASE | re.DOTALL,
)


class Holders:
    """What stands in for distinguished names."""

    def __init__(self, names: Names, texts: Texts) -> None:
        self._names, self._texts = names, texts

    def subject(self, text: str) -> str:
        """Whose certificate it is: hosts' names as such, all other parts by themselves."""
        return self._each(text)

    def issuer(self, text: str) -> str:
        """Who signed it. An authority that everybody trusts stays as it is."""
        told = [part["value"].strip() for part in _PART.finditer(text) if part["key"].strip() in _AUTHORITY]
        public = any(_PUBLIC.fullmatch(each) for each in told)
        return text if public and not words_of_makers(text) else self._each(text)

    def _each(self, text: str) -> str:
        if not text or self._texts.learning:
            return text
        if _PART.match(text) is None:
            return self._value(text)
        return _PART.sub(self._part, text)

    def _part(self, part: re.Match[str]) -> str:
        key, value = part["key"], part["value"]
        return key + (value if key.strip() == _COUNTRY and len(value) == 2 else self._value(value))

    def _value(self, text: str) -> str:
        """The words of a maker stay, as the rules find them."""
        if text == "WebRTC":
            return text
        if "." in text and re.fullmatch(r"[\w.*:-]+", text):
            return self._texts.place(text)
        makers = words_of_makers(text)
        return " ".join([*makers, *([self._names.word("holder", text)] if text.strip().lower() not in makers else [])])
