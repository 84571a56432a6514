"""Real servers for a network: coturn, nginx, dnsmasq and natprobe's own `serve`.

Each runs in the foreground and as root, so that one process id stops it and the kernel ends it with pytest.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import msgspec

from natprobe.wire import natpmp
from tests import access
from tests.case import Answer, Case, Dns, Janus, Web
from tests.case_proxy import Proxy
from tests.netns import addresses as at
from tests.netns import certificates, janus, jitsi, proxies, relay, standing, topology, userspace
from tests.netns.certificates import Files
from tests.netns.kernel import Host, Network, Process

TOOLS = ("turnserver", "nginx", "dnsmasq", *jitsi.TOOLS, *janus.TOOLS)
COTURN = (
    *("turnserver", "-n", "--stun-only", "--relay-threads=1"),
    *("--no-cli", "--log-file=stdout", "--simple-log"),
)
DNSMASQ = (
    *("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root"),
    *("--no-resolv", "--no-hosts", "--log-facility=-", "--pid-file="),
)
UPSTREAM = 5300  # the resolver's own upstream, on its loopback

CONFIG_JS = f"""\
var config = {{
    hosts: {{ domain: '{at.TARGET}', muc: 'conference.{at.TARGET}' }},
}};
"""
JANUS_INFO = {
    "janus": "server_info",
    "name": "Janus WebRTC Server",
    "version": 1102,
    "version_string": "1.1.2",
    "author": "Meetecho s.r.l.",
    "ice-lite": False,
    "ice-tcp": False,
    "full-trickle": True,
    "mdns-enabled": True,
    "api_secret": False,
    "auth_token": False,
    "accepting-new-sessions": True,
    "transports": {"janus.transport.http": {"name": "JANUS REST (HTTP/HTTPS) transport plugin"}},
    "plugins": {"janus.plugin.videoroom": {"name": "JANUS VideoRoom plugin"}},
}


STUN = {
    "stun1": (at.STUN1, at.STUN1_OTHER, at.STUN1_6, at.STUN1_OTHER6),  # answers RFC 5780's questions
    "stun2": (at.STUN2, at.STUN2_6),
}


def start(network: Network, case: Case, files: Files, stuns: Files | None, turns: Files | None) -> None:
    """All at once; returns when the last of them listens. `stuns` is stun1's certificate, `turns` the relay's, where
    they have one.
    """
    front = case.web
    home = _home(network["home"], case)
    meeting = jitsi.start(network["web"], case.jitsi) if case.jitsi.runs else None
    gateway = janus.start(network["web"], case.janus, files) if case.janus.runs else None
    cascade = _cascade(network["cascade"], case) if case.cascade.runs else None
    between = list(proxies.start(network, case, files.root))
    shown = {"stun1": stuns}
    relays = [(_coturn(network[n], listening, shown.get(n)), len(listening)) for n, listening in STUN.items()]
    names = [resolver(network["resolver"], case, case.dns.answer)]
    if case.dns.second != "none":
        names.append(resolver(network["resolver2"], case, case.dns.second))
    if front.state != "refused":
        ports = [80] if front.state == "http-only" else [80, 443]
        more = jitsi.locations(network.folder, case.jitsi) if case.jitsi.runs else ""
        more += janus.locations(case.janus) if case.janus.runs else ""
        web(network["web"], front, files, more).listens(tcp=ports, addresses=2)
    if case.network.router_tells:
        router, inside, outside = topology.told(case.network)
        argv = [sys.executable, "-m", "tests.netns.natpmp", inside, outside]
        network[router].start(argv, log="natpmp.log").listens(udp=[natpmp.PORT])
    if case.relay.runs:
        relay.start(network["relay"], case.relay, turns)
    if home is not None:
        home.wait(lambda: userspace.READY in home.log.read_text())
    for process, port in between:
        process.listens(tcp=[port])
    for process in names:
        process.listens(udp=[53], tcp=[53])
    for process, count in relays:
        process.listens(udp=[at.STUN_PORT], tcp=[at.STUN_PORT], addresses=count)
    if meeting is not None:
        jitsi.wait(*meeting)
    if cascade is not None:
        janus.wait(cascade, Janus(api="own"))
    if gateway is not None:
        janus.wait(gateway, case.janus)
    if stuns is not None:
        relays[0][0].listens(udp=[at.STUNS_PORT], tcp=[at.STUNS_PORT], addresses=relays[0][1])


def _cascade(host: Host, case: Case) -> Process:
    """The Janus that the first one's publishers are to be forwarded to."""
    (folder := host.folder / "cascade-tls").mkdir()
    files = certificates.write("good", folder, at.CASCADE_NAME)
    wanted = Janus(api="own", plugin="both", mapping="own" if case.cascade.stands == "nat" else "none")
    key = access.SECRET if case.cascade.key != "none" else ""
    return janus.start(host, wanted, files, name="cascade", key=key, outside=at.CASCADE)


def _home(host: Host, case: Case) -> Process | None:
    """The home router that netfilter can't be."""
    config = topology.in_userspace(case.network)
    if config is None:
        return None
    path = host.folder / "home.json"
    path.write_bytes(msgspec.json.encode(config))
    return host.start([sys.executable, "-m", "tests.netns.userspace", str(path)], log="home.log")


def _coturn(host: Host, addresses: tuple[str, ...], shown: Files | None) -> Process:
    own = host.folder / host.name  # its files would else be the machine's
    listening = [f"--listening-ip={address}" for address in addresses]
    secure = [f"--cert={shown.chain}", f"--pkey={shown.key}"] if shown else ["--no-tls", "--no-dtls"]
    argv = [*COTURN, *secure, *listening, f"--pidfile={own}.pid", f"--userdb={own}.db"]
    return host.start(argv, log=f"{host.name}.log")


def resolver(host: Host, case: Case, says: Answer) -> Process:
    names = [_record(name, case.dns) for name in at.NAMES if name != at.TARGET]
    if case.cascade.runs:
        names.append(f"--host-record={at.CASCADE_NAME},{at.CASCADE}")
    if case.dns.naptr:
        names.append(f"--srv-host={at.SRV_NAME},{at.SRV_HOST},{at.TURN_PORT}")
        names += [f"--naptr-record={n},{o},{p},{flags},{service},,{to}" for n, o, p, flags, service, to in at.NAPTR]
    if says == "servfail":
        _dnsmasq(host, "unsigned", f"--port={UPSTREAM}", _record(at.TARGET, case.dns)).listens(udp=[UPSTREAM])
    if case.dns.one:
        return _dnsmasq(host, host.name, f"--address=/test/{at.LAN_ROUTER}")
    outside = [*names, *_answer(case, says)] if case.dns.outside else []
    return _dnsmasq(host, host.name, *outside, *_proxies(case.proxy))


def _proxies(proxy: Proxy) -> list[str]:
    if not proxy.apart:
        return []
    named = [at.PROXY_NAME, *{"pac": [at.PAC_NAME], "wpad": [at.WPAD_NAME]}.get(proxy.told, [])]
    return [f"--host-record={name},{at.PROXY}" for name in named]


def _dnsmasq(host: Host, name: str, *options: str) -> Process:
    return host.start([*DNSMASQ, "--local=/test/", *options], log=f"{name}.log")


def _record(name: str, dns: Dns) -> str:
    ipv4, ipv6 = at.NAMES[name]
    shown = [ipv4] if dns.ipv4 or name != at.TARGET else []
    return ",".join([f"--host-record={name}", *shown, *([ipv6] if dns.ipv6 else [])])


def _answer(case: Case, says: Answer) -> list[str]:
    """What dnsmasq is told of the target's name."""
    dns = case.dns
    upstream = f"--server=/{at.TARGET}/127.0.0.1#{UPSTREAM}"
    anchors = [f"--trust-anchor={name},1,8,2,{'AB' * 32}" for name in (".", at.TARGET)]
    match says:
        case "works":
            other = [f"--host-record={at.TARGET},{at.WEB_OTHER}"] if case.web.other != "none" else []
            inner = standing.named(case)
            own = f"--host-record={at.TARGET},{inner}" if inner else _record(at.TARGET, dns)
            return [own, *other]
        case "nxdomain":
            return []
        case "empty":
            return [f"--txt-record={at.TARGET},no address here"]
        case "sinkhole":
            return [f"--address=/{at.TARGET}/{zero}" for zero in ("0.0.0.0", "::")[: 1 + dns.ipv6]]
        case "silent":  # waits for an upstream that isn't there
            return [upstream]
        case "servfail":  # what the upstream says should be signed, and is not
            return [upstream, "--dnssec", *anchors]


def web(host: Host, web: Web, files: Files, more: str = "") -> Process:
    """`more`: further locations, of a Jitsi or Janus that is no mere page."""
    config = host.folder / "nginx.conf"
    config.write_text(_nginx(host.folder, web, files, more))
    return host.start(["nginx", "-p", str(host.folder), "-e", "stderr", "-c", str(config)], log="nginx.log")


def _nginx(folder: Path, web: Web, files: Files, more: str) -> str:
    pages = {path: answer for path, answer in _pages(web).items() if not more or path == "/"}
    site = "".join(f"    location = {path} {{ {answer} }}\n" for path, answer in pages.items()) + more
    tls = "    ssl_protocols TLSv1.2 TLSv1.3;\n"
    tls += f"    ssl_certificate {files.chain};\n    ssl_certificate_key {files.key};\n"
    if web.state == "http-only":
        servers = [_site("80", site)]
    else:
        servers = [_site("443 ssl", tls + site), _site("80", "    return 301 https://$host$request_uri;\n")]
    kinds = "client_body proxy fastcgi uwsgi scgi"
    temporary = "".join(f"  {kind}_temp_path {folder}/{kind};\n" for kind in kinds.split())
    return (
        f"daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\nuser root;\nevents {{}}\n"
        f"http {{\n  access_log off;\n{temporary}{''.join(servers)}}}\n"
    )


def _site(listen: str, content: str) -> str:
    port, _, options = listen.partition(" ")
    heads = "".join(f"    listen {where}{port} {options};\n" for where in ("", "[::]:"))
    return f"  server {{\n{heads}    server_name {at.TARGET};\n{content}  }}\n"


def _pages(web: Web) -> dict[str, str]:
    """Everything else is 404."""
    title = "Jitsi Meet" if web.state in ("jitsi", "http-only") else "Welcome"
    pages = {"/": _reply("text/html", f"<!DOCTYPE html><html><head><title>{title}</title></head></html>")}
    if web.state in ("jitsi", "http-only"):
        pages["/config.js"] = _reply("application/javascript", CONFIG_JS)
    if web.state == "janus":
        pages["/janus/info"] = _reply("application/json", json.dumps(JANUS_INFO))
    return pages


def _reply(media_type: str, body: str) -> str:
    escaped = body.replace("\\", "\\\\").replace('"', '\\"')
    return f'default_type {media_type}; return 200 "{escaped}";'


def peer(host: Host) -> str:
    """Starts `natprobe serve` and gives the target that it prints."""
    ports = ["--udp", str(at.MEDIA_UDP), "--tcp", str(at.MEDIA_TCP)]
    argv = [sys.executable, "-m", "natprobe", "serve", *ports, "--host", at.TARGET]
    process = host.start(argv, log="serve.log")
    process.wait(lambda: _printed(process) is not None)
    return _printed(process) or ""


def _printed(process: Process) -> str | None:
    line = re.search(r"^(natprobe://\S+)\n", process.log.read_text(), re.MULTILINE)
    return line[1] if line else None
