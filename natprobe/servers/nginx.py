"""nginx as what shares port 443 between web front and relay (`stream` with `ssl_preread`), as fixes."""

from __future__ import annotations

from natprobe.model import Do, Fix
from natprobe.wording import phrase

RELOAD = phrase("systemctl reload nginx")


def sorted_for_browsers(host: str) -> tuple[Fix, ...]:
    """By the relay's own name; where it has none, by ALPN with the relay for whoever offers none."""
    return (
        Do(
            text=phrase(
                "On the relay, have the multiplexer on 443 choose by name, in nginx's stream block: map"
                " $ssl_preread_server_name $behind {{ {host} 127.0.0.1:5349; default 127.0.0.1:4444; }} with"
                " ssl_preread on and proxy_pass $behind (5349 is the relay's TLS port, 4444 the web front's)",
                host=host,
            ),
            audience="server",
            why="browsers name the relay in SNI and offer it no ALPN",
            after=RELOAD,
        ),
        Do(
            text="Where the web front has the same name, give the relay one of its own; until then have whoever"
            r" offers no web protocol go to the relay: map $ssl_preread_alpn_protocols $behind"
            r" { ~\b(h2|http/1\.[01])\b 127.0.0.1:4444; default 127.0.0.1:5349; }",
            audience="server",
            after=RELOAD,
        ),
    )
