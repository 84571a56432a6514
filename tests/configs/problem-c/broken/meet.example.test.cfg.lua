plugin_paths = { "/usr/share/jitsi-meet/prosody-plugins/" }

turncredentials_secret = "your_secret"

turncredentials = {
    { type = "stun", host = "turn.example.test", port = "3478" },
    { type = "turn", host = "turn.example.test", port = "3478", transport = "udp" },
    { type = "turns", host = "turn.example.test", port = "5349", transport = "tcp" }
}

VirtualHost "meet.example.test"
    authentication = "anonymous"
    ssl = {
        key = "/etc/prosody/certs/meet.example.test.key";
        certificate = "/etc/prosody/certs/meet.example.test.crt";
    }
    modules_enabled = {
        "bosh";
        "websocket";
        "pubsub";
        "ping";
    }

Component "conference.meet.example.test" "muc"
    storage = "memory"
