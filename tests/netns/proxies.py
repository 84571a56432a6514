"""A case's proxies: squid and dante, the web server that hands out PAC scripts, and the page of a portal.

squid begins as nobody: it would give up root by itself, and the kernel would no longer end it with pytest. It is
killed, since it takes two seconds to say goodbye; what it started ends with it.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

from tests import access
from tests.case import Case
from tests.case_proxy import Proxy
from tests.netns import addresses as at
from tests.netns import certificates
from tests.netns.kernel import Host, Network, Process

_PROGRAMS = {"squid": "squid", "dante": "danted"}
CERTGEN, NCSA = Path("/usr/lib/squid/security_file_certgen"), Path("/usr/lib/squid/basic_ncsa_auth")
AS_NOBODY = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--pdeathsig", "KILL")
# Where squid takes what was meant for others: the port that it was sent to, and its own for it.
TAKEN = {"transparent": {443: 3130}, "http": {80: 3129}}
PORTAL_PORT, PORTAL = 8880, "http://login.example.test/"
HOSTS = "".join(f"{ipv4} {name}\n" for name, (ipv4, _) in at.NAMES.items())
# access.PASSWORD as systems keep it (`openssl passwd -6 -salt natprobe`).
_KEPT = "$6$natprobe$omIbpXmf3Cof03lHmo37jh9Hec/9fQqK/GTkhUtllQCidPewpbtR9TYnYXmvX23ZNohn3lGwRXFhwpqw1LkgZ0"
# dante asks the system: /etc/passwd and /etc/shadow of its namespace.
ACCOUNTS = {
    "passwd": f"root:x:0:0:root:/root:/bin/sh\n{access.USER}:x:1000:1000::/:/bin/false\n",
    "shadow": f"{access.USER}:{_KEPT}:19000:0:99999:7:::\n",
}
_BY_PROXY = f"PROXY {at.PROXY_NAME}:{at.PROXY_PORT}"
SCRIPTS = {
    "all": f'return "{_BY_PROXY}";',
    "direct": f'return host == "{at.TARGET}" ? "DIRECT" : "{_BY_PROXY}";',
    "fallback": f'return "{_BY_PROXY}; DIRECT";',
    "loops": "while (true) {}",
    "broken": 'return "PROXY ',
}
# Debian's, without what it has of local networks.
_USUAL = """\
acl SSL_ports port 443
acl Safe_ports port 80 443 1025-65535
http_access deny !Safe_ports
http_access deny CONNECT !SSL_ports
"""
RULES = {
    "usual": _USUAL,
    "all-ports": "",
    "deny-all": "http_access deny all\n",
    "no-relay": f"acl relays dstdomain turn.example.test\nhttp_access deny relays\n{_USUAL}",
}
# Nothing is kept, counted or asked of others; with few descriptors it serves a tenth of a second after its start.
_QUIET = f"""\
visible_hostname {at.PROXY_NAME}
pid_filename none
access_log none
cache_log /dev/null
cache_store_log none
netdb_filename none
coredump_dir none
cache deny all
cache_mem 0 MB
memory_pools off
pinger_enable off
max_filedescriptors 1024
workers 1
dns_nameservers {at.RESOLVER}
"""


def lacking(proxy: Proxy) -> str:
    """What has to be installed for it, or nothing. squid-openssl takes the place of Debian's other squid, which nobody
    has to give up for a test.
    """
    program = _PROGRAMS.get(proxy.kind)
    if program is not None and not shutil.which(program):
        return f"not installed: {program}"
    opens = proxy.kind == "squid" and proxy.bumps in ("explicit", "transparent")
    return "not installed: a squid that opens TLS (Debian: squid-openssl)" if opens and not CERTGEN.exists() else ""


def start(network: Network, case: Case, root: Path) -> Iterator[tuple[Process, int]]:
    """Each process with the TCP port that it serves when it is ready. `root`: the authorities that squid trusts; its
    own is added to them, where the client is to trust it.
    """
    proxy = case.proxy
    if case.network.portal:
        yield _nginx(network["home"], "portal", f"listen {PORTAL_PORT}; return 302 {PORTAL};"), PORTAL_PORT
    if proxy.scripted:
        yield _nginx(network["proxy"], "pac", f"listen {at.PROXY}:80; {_script(network['proxy'], proxy)}"), 80
    if proxy.kind == "dante" and proxy.state == "works":
        yield _dante(network["proxy"], proxy), at.SOCKS_PORT
    if proxy.kind == "squid" and proxy.state == "works":
        yield _squid(network["home" if proxy.on_router else "proxy"], proxy, root), at.PROXY_PORT


# --- squid


def _squid(host: Host, proxy: Proxy, root: Path) -> Process:
    host.folder.chmod(0o711)  # for nobody
    (folder := host.folder / "squid").mkdir()
    (folder / "hosts").write_text(HOSTS)
    (folder / "users").write_text(f"{access.USER}:{_KEPT}\n")
    opening = _opens(proxy, folder, root) if proxy.bumps in ("explicit", "transparent") else ""
    listening = _listens(proxy, folder)
    content = [listening, *(f"{line}\n" for line in proxy.lines), opening]
    asks = proxy.auth == "basic"
    content += [_asks(folder) if asks else "", RULES[proxy.rules], f"http_access allow {'known' if asks else 'all'}\n"]
    (config := folder / "squid.conf").write_text("".join(content) + _QUIET + f"hosts_file {folder}/hosts\n")
    argv = [*AS_NOBODY, "squid", "-N", "-d1", "-n", host.namespace.replace("-", ""), "-f", str(config)]
    return host.start(argv, log="squid.log", ends=signal.SIGKILL)


def _listens(proxy: Proxy, folder: Path) -> str:
    makes = f"ssl-bump tls-cert={folder}/ca.pem tls-key={folder}/ca.key generate-host-certificates=on"
    match proxy.bumps:
        case "explicit":
            return f"http_port {at.PROXY}:{at.PROXY_PORT} {makes}\n"
        case "transparent":
            return f"http_port 127.0.0.1:{at.PROXY_PORT}\nhttps_port {TAKEN['transparent'][443]} intercept {makes}\n"
        case "http":
            return f"http_port 127.0.0.1:{at.PROXY_PORT}\nhttp_port {TAKEN['http'][80]} intercept\n"
    return f"http_port {at.PROXY}:{at.PROXY_PORT}\n"


def _opens(proxy: Proxy, folder: Path, root: Path) -> str:
    """Shows certificates of its own for the name that clients ask for, and those of the real server's contents."""
    (folder / "root.pem").write_bytes(root.read_bytes())
    own = certificates.inspector(proxy.authority)
    own.cert_pem.write_to_path(folder / "ca.pem")
    own.private_key_pem.write_to_path(folder / "ca.key")
    if proxy.trusted:
        own.cert_pem.write_to_path(root, append=True)
    upgrades = "http_upgrade_request_protocols websocket allow all\n" if proxy.upgrades else ""
    return (
        f"sslcrtd_program {CERTGEN}\nsslcrtd_children 1 startup=1 idle=1\n{upgrades}"
        f"tls_outgoing_options cafile={folder}/root.pem\n"
        "acl hello at_step SslBump1\nssl_bump peek hello\nssl_bump bump all\n"
    )


def _asks(folder: Path) -> str:
    """Ports are judged before anybody is asked who he is."""
    return (
        f"auth_param basic program {NCSA} {folder}/users\nauth_param basic children 1 startup=1 idle=1\n"
        "auth_param basic realm Proxy of the lab\nacl known proxy_auth REQUIRED\n"
    )


# --- dante


def _dante(host: Host, proxy: Proxy) -> Process:
    lets = "connect udpassociate udpreply" if proxy.udp else "connect"
    everybody = "from: 0.0.0.0/0 to: 0.0.0.0/0"
    (config := host.folder / "danted.conf").write_text(
        f"logoutput: stderr\ninternal: {at.PROXY} port = {at.SOCKS_PORT}\nexternal: {at.PROXY_OUTSIDE}\n"
        f"clientmethod: none\nsocksmethod: {'username' if proxy.auth == 'basic' else 'none'}\n"
        "user.privileged: root\nuser.unprivileged: root\n"
        f"client pass {{ {everybody} }}\n"
        + ("" if proxy.rules == "deny-all" else f"socks pass {{ {everybody} command: {lets} }}\n")
    )
    argv = ["danted", "-N", "1", "-f", str(config), "-p", str(host.folder / "danted.pid")]
    return host.start(argv, log="danted.log")


# --- nginx


def _script(host: Host, proxy: Proxy) -> str:
    (path := host.folder / "proxy.pac").write_text(f"function FindProxyForURL(url, host) {{ {SCRIPTS[proxy.pac]} }}\n")
    served = f"default_type application/x-ns-proxy-autoconfig; alias {path};"
    return f"location = /proxy.pac {{ {served} }} location = /wpad.dat {{ {served} }}"


def _nginx(host: Host, name: str, site: str) -> Process:
    (folder := host.folder / name).mkdir()
    kinds = "client_body proxy fastcgi uwsgi scgi"
    temporary = "".join(f"  {kind}_temp_path {folder}/{kind};\n" for kind in kinds.split())
    (config := folder / "nginx.conf").write_text(
        f"daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\nuser root;\nevents {{}}\n"
        f"http {{\n  access_log off;\n{temporary}  server {{ {site} }}\n}}\n"
    )
    return host.start(["nginx", "-p", str(folder), "-e", "stderr", "-c", str(config)], log=f"{name}.log")
