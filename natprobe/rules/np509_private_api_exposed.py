"""An administration interface is reachable from outside

The bridge's private HTTP interface answers on port 8080. It is for the machine itself: it tells addresses, statistics
and rooms, and where its control is switched on it begins and ends conferences and stops the bridge.

How it shows: not at all, until somebody finds it. On the server `natprobe inspect` sees it in docker-compose.yml, in
jvb.conf and among the sockets.

What to do: publish it on loopback only, as docker-jitsi-meet does by itself (127.0.0.1:8080:8080), and close the port
in the firewall. To publish it on the server's address is advice that goes round as a cure for "bridge channel closed
1006"; it cures nothing, since no client ever speaks to it.

Of a Janus it is the admin API (7088, or 7188 as a WebSocket), where its file has it listen on every address: with the
secret of Janus's sample anybody lists and ends sessions. Bind it to 127.0.0.1 (`admin_ip`), and come by ssh.

Sources: jitsi-videobridge's own source (private and public HTTP servers), docker-jitsi-meet's docker-compose.yml.
"""

from natprobe.facts import ConfigFile, Facts, HttpReply, Listening, Passage, Setting, ids
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.rules._janus_files import administration
from natprobe.rules._private_api import bridge
from natprobe.servers.jitsi import fixes as jitsi
from natprobe.wording import mark

READS = (HttpReply, Setting, ConfigFile, Listening, Passage)

_MESSAGE = mark(
    "The bridge's private HTTP interface answers at {endpoint}: anybody can read it, and perhaps stop the bridge"
)


def check(facts: Facts) -> Judgement:
    """From outside only its own answer counts: many things listen on 8080. On the server, what its files say."""
    if facts.of(ConfigFile):
        return [*bridge(facts), *administration(facts)] or CLEAR
    replies = facts.of(HttpReply)
    open_ = [each for each in replies if "jvb" in each.says]
    if not open_:
        return CLEAR if replies else NOT_APPLICABLE
    return [
        Found(
            message=_MESSAGE,
            args={"endpoint": open_[0].endpoint},
            evidence=ids(open_),
            fixes=jitsi.PRIVATE_API,
        )
    ]
