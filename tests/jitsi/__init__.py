"""A Jitsi server of ours for the laboratory: the focus (jicofo), the bridge (jitsi-videobridge with ice4j), and the
texts of every stanza.

Written from what those programs do, not from natprobe's client: nothing of natprobe is imported here. `stanzas/`
holds the client's and the servers' words; both sides are tested against them.

    ws-*      XMPP over WebSocket (RFC 7395)      bosh-*    over BOSH (XEP-0206)     http-*  conference request
    client-*  what a client sends                 server-*  what Prosody, the focus and the bridge send
"""
