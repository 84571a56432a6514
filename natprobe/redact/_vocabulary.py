"""Words that name no one: what services, files and users of these systems are usually called. They stay.

Settings' names and the usual places of files come from the tables that natprobe reads them by.
"""

from __future__ import annotations

import re
from functools import cache
from typing import get_args

from natprobe.facts.config import System
from natprobe.model import PATHS
from natprobe.servers.control import CONTROL_SERVERS
from natprobe.servers.places import COMPOSE_NAMES, CONTAINER_FILES, CONTAINER_FOLDER, DOCKER_FOLDERS, USUAL
from natprobe.servers.settings import keys

# Public names that natprobe or these systems bring with them.
PUBLIC_NAMES = frozenset({*(each.host for each in CONTROL_SERVERS), "meet-jit-si-turnrelay.jitsi.net", "localhost"})
_GOOGLE = re.compile(r"stun[0-9]?\.l\.google\.com")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Ends of names that many share. Of two letters each is a country's.
TOP = _set("""
    com net org edu gov mil int info biz pro online site cloud dev app xyz store tech club shop website space live world
    local lan home internal intranet corp localdomain private test example invalid onion arpa box asia mobi eu
    """)
# What files end in, some of it countries' names: in a sentence no host's name does.
FILE_ENDINGS = _set("cc db gz js md ml mo pl ps py rs sh so ts xz")
_SECOND = _set("co com net org edu gov ac ne or go gob nom plc")

# Jitsi's own subdomains, by which rules know what a name is for.
_INNER = _set("auth guest recorder internal conference focus hidden lobby breakout muc")
_WORDS = _set("""
    www web web0 page portal app api cdn static assets front frontend edge lb proxy wpad squid cache gateway gw router
    meet meeting meetings jitsi jvb jicofo prosody jigasi jibri xmpp bridge videobridge jitsi-meet call calls conf video
    talk chat voice webrtc rtc sip media stream live turn turns stun stuns turnserver coturn relay relays janus ice
    server servers host hosts node client clients docker container containers compose default bare public private inside
    outside inner outer main master primary secondary backup test testing staging stage prod production dev demo lab
    visitors metadata speakerstats polls avmoderation endconference conferenceduration callcontrol whiteboard etherpad
    internal-muc internalmuc transcriber recorder shard eu us de cn uk fr asia dns ns mail smtp imap ldap vpn
    localhost nginx apache apache2 httpd caddy haproxy traefik envoy java python node systemd-resolve resolved
    true false yes no on off none null all any auto direct default tcp udp tls dtls ssl http https ws wss ipv4 ipv6
    accept drop reject return input output forward filter policy chain table inet iifname oifname saddr daddr dport
    sport state established related counter comment limit meta jump goto state nat dnat snat masquerade prerouting
    postrouting ufw firewalld iptables nft nftables docker-user user-input before after
    xmpp-websocket http-bind colibri-ws colibri conference-request v1 v2 config custom-config interface_config
    external_api
    libs lib images sounds fonts lang about health stats rest admin info janus-protocol pac proxy.pac wpad.dat
    bin sbin usr var etc opt srv home root run tmp mnt media data log logs local share dev proc sys letsencrypt live
    archive renewal ssl certs cert cert1 certificate certificates chain chain1 fullchain fullchain1 privkey privkey1 key
    keys private pem crt csr der p12 conf config cfg yml yaml json toml env lua js jcfg txt properties xml html htm php
    avail available enabled sites modules d modules-enabled snippets site-confs keys letsencrypt
    github githubusercontent githubproject jitsi-docker stable unstable latest git src code build releases release
    nat mapping stun1 external exp expect expected ports port list rules not word words and the for with from this that
    was were has have had not been which what when where there here into over under only more most than then them they
    answer answers answered error errors failed failure refused timeout closed reset silent name names address addresses
    network networks machine process program file line lines interface interfaces request requests response responses
    connection connections certificate verify verified expired self signed issuer unable get status code reason
    interrupted asked given known unknown found missing found invalid wrong bad good open opened blocked allowed denied
    option options command probe probes skipped cut complete crashed session sessions room rooms user users password
    login token secret time limit run seconds second minutes packets packet bytes size full mtu
    """)
# Accounts that systems and packages make.
_USERS = _set("""
    root nobody www-data daemon nginx jvb jicofo prosody turnserver coturn janus jitsi systemd-resolve
    systemd-network systemd-timesync _chrony ntp proxy squid messagebus syslog bind named dnsmasq avahi sshd
    ubuntu debian admin administrator ec2-user centos fedora azureuser opc user docker nogroup nonroot default pi
    """)
_NUMBERED = re.compile(r"([a-z][a-z-]*?)-?[0-9]{1,3}")
_INTERFACE = re.compile(
    r"lo|\*|(?:eth|en[ops]|eno|ens|enp|em|wlan|wl[ops]|wlp|wlx?|ww[ps]|ppp|tun|tap|wg|utun|bond|br|team|vlan|vmbr|virbr"
    r"|docker|veth|dummy|tailscale|gif|stf|awdl|llw|bridge|lxc|lxdbr|cni|flannel|cali|ib|usb|rmnet|sit|ip6tnl|any)"
    r"[0-9]{0,4}(?:[a-z][0-9]{1,4}){0,4}(?:[.:@][0-9]{1,4})?|(?:br-|veth)[0-9a-f]{6,12}"
)


@cache
def _system_words() -> frozenset[str]:
    """Of every table of settings, of the places where files usually lie, and the names of the ways for media."""
    names = [name for system in get_args(System) if system != "unknown" for name in keys(system)]
    files = [*(each.pattern for each in USUAL), *(each.pattern for each, _ in CONTAINER_FILES), *DOCKER_FOLDERS]
    every = [*names, *files, *COMPOSE_NAMES, CONTAINER_FOLDER, *get_args(System)]
    return frozenset(PATHS) | {word.lower() for each in every for word in re.split(r"[^A-Za-z0-9]+", each) if word}


def is_usual(word: str) -> bool:
    """Whether it names nobody: in small letters, with or without a number behind it."""
    if word in _WORDS or word in _INNER or word in _system_words():
        return True
    numbered = _NUMBERED.fullmatch(word)
    return numbered is not None and numbered[1] in _WORDS


def is_inner(label: str) -> bool:
    """Whether Jitsi puts this before a server's own name."""
    return label in _INNER


def is_usual_user(name: str) -> bool:
    """Whether systems make this account by themselves, or it is a number."""
    return name.lower() in _USERS or name.isdecimal()


def is_usual_interface(name: str) -> bool:
    """Whether a system names interfaces so, without an address of hardware in it."""
    return _INTERFACE.fullmatch(name) is not None


def is_public_name(name: str) -> bool:
    """Whether everybody has this name, in small letters."""
    return name in PUBLIC_NAMES or name.endswith(".localhost") or _GOOGLE.fullmatch(name) is not None


def shared_end(labels: list[str]) -> int:
    """How many labels at the end are shared by many: 1 for `example.com`, 2 for `example.co.uk`, 0 for none known."""
    last = labels[-1]
    if last not in TOP and not (len(last) == 2 and last.isalpha()):
        return 0
    return 2 if len(labels) > 2 and len(last) == 2 and labels[-2] in _SECOND else 1
