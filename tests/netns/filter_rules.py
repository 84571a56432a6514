"""Rules of packet filters in many forms, as shell scripts of a server: name -> what loads them."""

from __future__ import annotations

from tests.netns.filtering import BRIDGE, CONTAINER, SECOND, SERVER


def _nft(*rules: str, before: str = "", chain: str = "", policy: str = "drop", family: str = "inet") -> str:
    """An input chain of these rules; `before`: sets and chains; `chain`: another head of it."""
    head = chain or f"type filter hook input priority filter; policy {policy};"
    body = "\n".join(rules)
    return _load(f"table {family} own {{\n{before}\nchain input {{\n{head}\n{body}\n}}\n}}")


def _load(text: str) -> str:
    return f"nft -f - <<'END'\n{text}\nEND\n"


def _restore(text: str, program: str = "iptables", *others: str) -> str:
    return "".join(f"{each}-restore <<'END'\n{text}\nEND\n" for each in (program, *others))


_BASE = (
    "ct state established,related accept",
    "ct state invalid drop",
    "iif lo accept",
    "meta l4proto ipv6-icmp accept",
)
_NO_MORE = ":FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]"
# As Docker writes them, less what is about other containers.
DOCKER = f"""\
iptables -t nat -N DOCKER
iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
iptables -t nat -A DOCKER -i docker0 -j RETURN
iptables -t nat -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination {CONTAINER}:80
iptables -t nat -A DOCKER ! -i docker0 -p udp -m udp --dport 10000 -j DNAT --to-destination {CONTAINER}:10000
iptables -t nat -A DOCKER -d 127.0.0.1 ! -i docker0 -p tcp -m tcp --dport 2222 -j DNAT --to-destination {CONTAINER}:80
iptables -N DOCKER
iptables -N DOCKER-USER
iptables -P FORWARD DROP
iptables -A FORWARD -j DOCKER-USER
iptables -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -A FORWARD -o docker0 -j DOCKER
iptables -A FORWARD -i docker0 ! -o docker0 -j ACCEPT
iptables -A DOCKER -d {CONTAINER}/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
iptables -A DOCKER -d {CONTAINER}/32 ! -i docker0 -o docker0 -p udp -m udp --dport 10000 -j ACCEPT
iptables -A DOCKER-USER -j RETURN
"""

NFT: dict[str, str] = {
    "nothing": "true",
    "accepts-some": _nft(*_BASE, "tcp dport { 80, 443 } accept", "udp dport { 3478, 20000-20049 } accept"),
    "rejects": _nft(
        "meta l4proto ipv6-icmp accept",
        "udp dport 10000 reject",
        "tcp dport 2222 reject with icmpx admin-prohibited",
        f"ip daddr {SERVER} udp dport >= 20000 drop",
        "ip6 saddr ::/0 udp dport 3478 drop",
        policy="accept",
    ),
    "named-sets": _nft(
        *_BASE,
        "tcp dport @web accept",
        "ip daddr . udp dport @media accept",
        "ip6 daddr . udp dport { 2001:db8:5::9 . 20000-20049 } accept",
        "ip saddr @bad drop",
        "udp dport != 10000 accept",
        before=f"""set web {{ type inet_service; flags interval; elements = {{ 80, 400-500 }} }}
set media {{ type ipv4_addr . inet_service; elements = {{ {SERVER} . 10000, {SECOND} . 3478 }} }}
set bad {{ type ipv4_addr; flags interval; elements = {{ 192.0.2.0/24, 10.0.0.0/8 }} }}""",
    ),
    "verdict-maps": _nft(
        *_BASE,
        "iifname vmap { lo : accept, eth0 : jump world }",
        before="""map ports { type inet_proto . inet_service : verdict; flags interval
elements = { tcp . 80 : accept, udp . 10000 : goto media, udp . 3478 : drop } }
chain media { ip daddr 203.0.113.9 accept; }
chain world { meta l4proto . th dport vmap @ports; tcp dport 443 return; tcp dport 2222 accept; }""",
    ),
    "returns-and-gotos": _nft(
        "udp dport 3478-10000 jump one",
        "tcp dport 443 goto two",
        "tcp dport 80 accept",
        "meta l4proto { tcp, udp, ipv6-icmp } accept",
        before="""chain one { udp dport 10000 return; drop; }
chain two { tcp dport 80 accept; }""",
    ),
    "two-tables": _nft("accept", policy="accept")
    + _load("table inet later { chain in { type filter hook input priority 10; udp dport 10000 drop; }; }"),
    "before-routing": _load(
        "table inet raw { chain pre { type filter hook prerouting priority raw; udp dport 10000 drop; "
        "tcp dport 443 ct state new drop; }; }"
    ),
    "ingress": _load(
        "table netdev early { chain in { type filter hook ingress device eth0 priority 0; udp dport 3478 drop; "
        "ip daddr 203.0.113.9 tcp dport 80 drop; }; }"
    ),
    "flags-and-marks": _nft(
        *_BASE,
        "tcp flags & (fin|syn|rst|ack) == syn tcp dport 443 accept",
        "tcp flags syn tcp dport 80 accept",
        "meta mark 0x10 tcp dport 2222 accept",
        "ct mark & 0xff == 0 udp dport 10000 accept",
        "ct direction original meta pkttype host udp dport 3478 accept",
    ),
    "marked-before": _load(
        "table inet raw { chain pre { type filter hook prerouting priority mangle;"
        " udp dport 10000 meta mark set 7; }; }"
    )
    + _nft(*_BASE, "meta mark 0 accept"),
    "untracked": _load(
        "table inet raw { chain pre { type filter hook prerouting priority raw; udp dport 10000 notrack; }; }"
    )
    + _nft(*_BASE, "ct state new udp dport { 3478, 10000 } accept", "ct state untracked tcp dport 80 accept"),
    "routes": _nft(
        *_BASE,
        "fib daddr type local tcp dport 443 accept",
        "fib saddr . iif oif missing drop",
        "fib daddr type { broadcast, multicast } accept",
        "meta nfproto ipv6 udp dport 10000 accept",
        "meta protocol ip udp dport 3478 accept",
    ),
    "floods": _nft(
        *_BASE,
        "tcp flags syn limit rate over 500/second drop",
        "ct count over 100 reject",
        "tcp dport 443 accept",
        "udp dport 10000 accept",
    ),
    "senders": _nft(
        *_BASE,
        "ip saddr 192.0.2.0/24 tcp dport 443 accept",
        "ip saddr != 192.0.2.0/24 tcp dport 80 accept",
        "ip saddr != { 10.0.0.0/8, 192.168.0.0/16 } udp dport 10000 accept",
        "ip6 saddr 2000::/3 udp dport 10000 accept",
        "ip saddr @learned udp dport 3478 accept",
        before="set learned { type ipv4_addr; flags dynamic,timeout; timeout 60s; }",
    ),
    "families-apart": _load("table ip six { chain in { type filter hook input priority 0; udp dport 10000 drop; }; }")
    + _load("table ip6 six { chain in { type filter hook input priority 0; tcp dport 443 drop; }; }"),
    "translated": _load(
        f"""table ip nat {{
map led {{ type inet_service : ipv4_addr . inet_service; elements = {{ 8080 : {CONTAINER} . 80 }} }}
chain pre {{ type nat hook prerouting priority dstnat;
iifname eth0 dnat to tcp dport map @led
iifname eth0 udp dport 10000 dnat to {CONTAINER}
iifname eth0 udp dport 3478 redirect to :20000
iifname eth0 tcp dport 5349 dnat to {CONTAINER}:9
}}
}}
table inet own {{
chain in {{ type filter hook input priority filter; udp dport 3478 drop; }}
chain onward {{ type filter hook forward priority filter; policy drop;
ct state established,related accept
iifname eth0 oifname docker0 ct status dnat tcp dport 80 accept
meta l4proto udp ct original proto-dst 10000 accept
}}
}}"""
    ),
}

IPTABLES: dict[str, str] = {
    "server": _restore(
        f"""*filter
:INPUT DROP [0:0]
{_NO_MORE}
:own - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m multiport --dports 80,443,2000:3000 -j own
-A INPUT -p udp -m udp --dport 20000:20049 -m comment --comment "jigasi's \\"own\\" ports" -j ACCEPT
-A INPUT ! -i eth0 -p udp -m udp --dport 10000 -j ACCEPT
-A INPUT -d {SERVER}/32 -p udp -m udp --dport 3478 -j ACCEPT
-A INPUT -p udp -m udp --dport 10000 -j REJECT --reject-with icmp-admin-prohibited
-A own -p tcp -m tcp --dport 2222 -j RETURN
-A own -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m state --state NEW -j ACCEPT
COMMIT"""
    ),
    "more-matches": _restore(
        f"""*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -m rpfilter --invert -j DROP
-A PREROUTING -p udp -m udp --dport 3478 -j DROP
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
{_NO_MORE}
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -p tcp -m tcp --dport 5349 -j MARK --set-xmark 0x1/0xffffffff
COMMIT
*filter
:INPUT ACCEPT [0:0]
{_NO_MORE}
-A INPUT -m iprange --src-range 10.0.0.0-10.0.0.255 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 80 -m recent --rcheck --seconds 30 --name knocked --rsource -j ACCEPT
-A INPUT -p tcp -m tcp --dport 80 -j DROP
-A INPUT -p tcp -m tcp --dport 443 -m connlimit --connlimit-above 100 --connlimit-mask 32 --connlimit-saddr -j REJECT
-A INPUT -m addrtype ! --dst-type LOCAL -j DROP
-A INPUT -m mark --mark 0x2/0x2 -p tcp -m tcp --dport 2222 -j DROP
-A INPUT -s 192.0.2.0/24 -j DROP
-A INPUT ! -s 192.0.2.0/24 -p udp -m udp --dport 10000 -j DROP
COMMIT"""
    ),
    "six": _restore(
        f"""*filter
:INPUT DROP [0:0]
{_NO_MORE}
-A INPUT -p ipv6-icmp -j ACCEPT
-A INPUT -p tcp -m tcp --dport 443 -m rt --rt-type 0 -j DROP
-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
-A INPUT -p udp -m udp --dport 10000 -j REJECT --reject-with icmp6-adm-prohibited
COMMIT""",
        "ip6tables",
    ),
    "docker": DOCKER,
    "docker-user": DOCKER
    + "iptables -I DOCKER-USER -p tcp -m conntrack --ctorigdstport 8080 --ctdir ORIGINAL -j DROP\n",
    "docker-forgotten": DOCKER + "iptables -F FORWARD\n",
    "redirected": "iptables -t nat -A PREROUTING -i eth0 -p tcp --dport 8080 -j REDIRECT --to-ports 80\n"
    "iptables -A INPUT -p tcp --dport 8080 -j DROP\niptables -A INPUT -p tcp --dport 443 -j DROP\n",
    "bridge-only": f"iptables -A INPUT -d {BRIDGE} -j ACCEPT\niptables -A INPUT -p udp --dport 10000 -j DROP\n",
}

LEGACY: dict[str, str] = {
    "legacy": IPTABLES["server"].replace("iptables-restore", "iptables-legacy-restore"),
    "legacy-beside-nft": "iptables-legacy -A INPUT -p udp --dport 10000 -j DROP\n"
    + _nft(*_BASE, "udp dport { 3478, 10000 } accept"),
}

_UFW = "ufw --force reset >/dev/null\n"
UFW: dict[str, str] = {
    "ufw": _UFW
    + "ufw allow 10000/udp; ufw allow 443/tcp; ufw allow 20000:20049/udp; ufw limit 2222/tcp; ufw reject 5349/tcp\n"
    "ufw deny from 192.0.2.0/24; ufw allow from 192.0.2.0/24 to any port 3478 proto udp; ufw --force enable",
    "ufw-ranges": _UFW + "ufw deny 9000:11000/udp; ufw allow 10000; ufw --force enable",
    "ufw-and-docker": DOCKER + _UFW + "ufw allow 443/tcp; ufw --force enable",
    "ufw-off": _UFW + "ufw deny 443/tcp; ufw disable",
}

FIREWALLD: dict[str, str] = {
    "firewalld": "firewall-cmd --add-service=https; firewall-cmd --add-port=20000-20049/udp;"
    " firewall-cmd --add-rich-rule='rule family=ipv4 source address=192.0.2.0/24 port port=5349 protocol=tcp accept';"
    " firewall-cmd --add-rich-rule='rule port port=2222 protocol=tcp reject';"
    f" firewall-cmd --add-forward-port=port=8080:proto=tcp:toport=80:toaddr={CONTAINER};"
    " firewall-cmd --add-masquerade",
}
