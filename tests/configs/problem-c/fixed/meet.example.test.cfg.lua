plugin_paths = { "/usr/share/jitsi-meet/prosody-plugins/" }

external_service_secret = "your_secret"

external_services = {
    { type = "stun", host = "turn.example.test", port = 3478 },
    { type = "turn", host = "turn.example.test", port = 3478, transport = "udp", secret = true, ttl = 86400, algorithm = "turn" },
    { type = "turns", host = "turn.example.test", port = 5349, transport = "tcp", secret = true, ttl = 86400, algorithm = "turn" }
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
        "external_services";
    }

Component "conference.meet.example.test" "muc"
    storage = "memory"
