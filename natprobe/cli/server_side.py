"""The commands for the server's side and their options: `inspect` and `serve`; their bodies import the work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from natprobe.cli.errors import UsageError
from natprobe.cli.options import Only, Skip, Timeout, demanded, given, planned

if TYPE_CHECKING:
    from natprobe.cli.gate import Demands
    from natprobe.cli.output import Plan


@given(output=planned, gate=demanded)
def inspect(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PATH]...",
            help="Configuration file or folder to read; without any, those of the usual places.",
            show_default=False,
        ),
    ] = None,
    expect: Annotated[
        list[str] | None,
        typer.Option("--expect", help="A port that is to be there, as 203.0.113.2:443/tcp=janus; repeatable."),
    ] = None,
    expect_file: Annotated[
        Path | None, typer.Option("--expect-file", help="A file with a line of that form for each port.")
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option("--name", help="What clients call this server; else what its configuration says. Repeatable."),
    ] = None,
    iface: Annotated[
        list[str] | None,
        typer.Option(
            "--iface", help="Could Janus bind this address, or interface, for a remote publisher? Repeatable."
        ),
    ] = None,
    stun: Annotated[
        list[str] | None,
        typer.Option("--stun", help="STUN server to ask for the outside address, instead of public ones, or none."),
    ] = None,
    diff: Annotated[
        bool, typer.Option("--diff", help="Print the fixes of configuration files as a diff; nothing is written.")
    ] = False,
    only: Only = None,
    skip: Skip = None,
    timeout: Timeout = 20.0,
    *,
    output: Plan,
    gate: Demands,
) -> None:
    """On the server: its sockets, configuration and firewall against each other. As root it sees all of them."""
    from natprobe.cli import inspect as command

    asked = command.Asked(
        paths=tuple(paths or ()),
        expect=tuple(expect or ()),
        expect_file=expect_file,
        names=tuple(name or ()),
        ifaces=tuple(iface or ()),
        stun=None if stun is None else tuple(stun),
        only=tuple(only or ()),
        skip=tuple(skip or ()),
        timeout=timeout,
    )
    raise typer.Exit(command.run(asked, output, gate, diff))


@given(output=planned)
def serve(
    udp: Annotated[
        list[str] | None,
        typer.Option("--udp", help="UDP port or range (20000-20010) to answer on; repeatable."),
    ] = None,
    tcp: Annotated[list[str] | None, typer.Option("--tcp", help="TCP port or range to answer on; repeatable.")] = None,
    like: Annotated[
        str,
        typer.Option("--like", help="The ports of a jitsi, janus or turn server, or of all, where free."),
    ] = "",
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Open no port: say what arrives at these, whoever has them. Takes root."),
    ] = False,
    address: Annotated[
        list[str] | None,
        typer.Option("--address", help="Answer on this address only; two make it an RFC 5780 server."),
    ] = None,
    host: Annotated[str | None, typer.Option("--host", help="Name or address for the printed line.")] = None,
    for_seconds: Annotated[float, typer.Option("--for", help="Seconds until it ends by itself.")] = 1800.0,
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", help="Read the token from this file; else NATPROBE_SERVE_TOKEN, else a new one."),
    ] = None,
    *,
    output: Plan,
) -> None:
    """Answer STUN and authenticated checks here and count what arrives, so that a path can be proven both ways."""
    from natprobe.cli import serve as command

    if output.stdout not in (None, "text"):
        raise UsageError("serve writes its report to a file: give -o for each -f")
    asked = command.Asked(
        udp=tuple(udp or ()),
        tcp=tuple(tcp or ()),
        like=like,
        watch=watch,
        addresses=tuple(address or ()),
        host=host,
        for_seconds=for_seconds,
        token_file=token_file,
    )
    raise typer.Exit(command.run(asked, output))
