"""The commands and their options, for typer; their bodies import the work."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer._click.exceptions import ClickException, NoArgsIsHelpError
from typer.exceptions import TyperException

from natprobe.cli import complete
from natprobe.cli.errors import FAULT, INTERRUPTED, OK, USAGE, UsageError, say, silence, warn
from natprobe.cli.options import Lang, Only, Skip, Timeout, demanded, given, planned
from natprobe.cli.server_side import inspect, serve
from natprobe.fault import place_of

if TYPE_CHECKING:
    from natprobe.cli.gate import Demands
    from natprobe.cli.output import Plan

app = typer.Typer(
    name="natprobe",
    help="Will a video meeting work between this network and that server, and what to change if not.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from natprobe import __version__

        typer.echo(f"natprobe {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options before the command."""


@app.command()
@given(output=planned, gate=demanded)
def check(
    target: Annotated[str, typer.Argument(help="Host name, meeting link, or stun:, turn:, janus+https:// … URI.")],
    kind: Annotated[
        str,
        typer.Option("--kind", help="auto, jitsi, janus, turn, stun or natprobe.", autocompletion=complete.kinds),
    ] = "auto",
    only: Only = None,
    skip: Skip = None,
    v4: Annotated[bool, typer.Option("-4", help="IPv4 only.")] = False,
    v6: Annotated[bool, typer.Option("-6", help="IPv6 only.")] = False,
    source: Annotated[
        list[str] | None,
        typer.Option("--source", help="Send from this address or interface only; repeatable."),
    ] = None,
    timeout: Timeout = 20.0,
    idle: Annotated[
        float,
        typer.Option("--idle", help="Whether idle UDP flows and signalling live for so many seconds; takes as long."),
    ] = 0.0,
    stun: Annotated[
        list[str] | None,
        typer.Option("--stun", help="STUN server to compare with instead of the public ones, or none; repeatable."),
    ] = None,
    turn: Annotated[
        list[str] | None, typer.Option("--turn", help="Relay to try, as turn: or turns: URI; repeatable.")
    ] = None,
    turn_username: Annotated[str | None, typer.Option("--turn-username", help="User name for relays.")] = None,
    turn_password_file: Annotated[
        Path | None,
        typer.Option("--turn-password-file", help="The user's password; else NATPROBE_TURN_PASSWORD."),
    ] = None,
    turn_secret_file: Annotated[
        Path | None,
        typer.Option("--turn-secret-file", help="The relays' shared secret (REST); else NATPROBE_TURN_SECRET."),
    ] = None,
    no_join: Annotated[
        bool, typer.Option("--no-join", help="Enter no room: what needs a session stays unknown.")
    ] = False,
    room: Annotated[
        str | None, typer.Option("--room", help="Enter this room; without it a new one that nobody else is in.")
    ] = None,
    user: Annotated[str | None, typer.Option("--user", help="Who signs in to the conference server.")] = None,
    password_file: Annotated[
        Path | None, typer.Option("--password-file", help="The user's password; else NATPROBE_PASSWORD.")
    ] = None,
    jwt_file: Annotated[
        Path | None, typer.Option("--jwt-file", help="A JSON Web Token to sign in with; else NATPROBE_JWT.")
    ] = None,
    janus_secret_file: Annotated[
        Path | None, typer.Option("--janus-secret-file", help="The secret of Janus's API; else NATPROBE_JANUS_SECRET.")
    ] = None,
    janus_token_file: Annotated[
        Path | None, typer.Option("--janus-token-file", help="A token for Janus's API; else NATPROBE_JANUS_TOKEN.")
    ] = None,
    cascade: Annotated[
        list[str] | None,
        typer.Option("--cascade", help="Can its publishers be forwarded to this Janus (janus+https:// …)? Repeatable."),
    ] = None,
    iface: Annotated[
        list[str] | None,
        typer.Option("--iface", help="The address that the nth --cascade server is to bind; repeatable."),
    ] = None,
    cascade_address: Annotated[
        list[str] | None,
        typer.Option("--cascade-address", help="Where the nth one is reached, ADDRESS or ADDRESS:PORT; repeatable."),
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Try the cascade in rooms of natprobe's own, which are removed again.")
    ] = False,
    janus_admin_key_file: Annotated[
        Path | None,
        typer.Option("--janus-admin-key-file", help="What makes rooms there; else NATPROBE_JANUS_ADMIN_KEY."),
    ] = None,
    media_address: Annotated[
        list[str] | None,
        typer.Option("--media-address", help="Try the media server there too: ADDRESS or ADDRESS:PORT; repeatable."),
    ] = None,
    shallow: Annotated[
        bool, typer.Option("--shallow", help="Accept no session: ICE checks only, no DTLS with the media server.")
    ] = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="DTLS on every path that passes a check, not only on a browser's choice.")
    ] = False,
    hold: Annotated[
        float, typer.Option("--hold", help="Stay on the path for so many seconds and see whether it lives.")
    ] = 0.0,
    sessions: Annotated[
        int, typer.Option("--sessions", help="Ask for so many conferences, to meet more of a pool's bridges.")
    ] = 1,
    bitrate: Annotated[
        str,
        typer.Option(
            "--bitrate", help="Try relays with so many bits per second, such as 500k or 2.5M: five seconds each."
        ),
    ] = "",
    compare: Annotated[
        bool,
        typer.Option("--compare", help="Measure all ways that work, one after the other: half a second each."),
    ] = False,
    packets: Annotated[
        int, typer.Option("--packets", help="So many packets on each measured way, 20 ms apart: 20 to 1000.")
    ] = 20,
    trace: Annotated[
        bool,
        typer.Option("--trace", help="Follow the way to the media server, and size it, also where nothing fails."),
    ] = False,
    audit_relay: Annotated[
        bool,
        typer.Option("--audit-relay", help="Ask relays whether they reach inner addresses; nothing is sent there."),
    ] = False,
    proxy: Annotated[
        str,
        typer.Option("--proxy", help="A browser's proxy: its URL, auto for what this machine is set to, or none."),
    ] = "auto",
    guess_proxy: Annotated[
        bool, typer.Option("--guess-proxy", help="Where none is set, ask the network: WPAD, and the usual names.")
    ] = False,
    proxy_username: Annotated[str | None, typer.Option("--proxy-username", help="User name for the proxy.")] = None,
    proxy_password_file: Annotated[
        Path | None,
        typer.Option("--proxy-password-file", help="The user's password; else NATPROBE_PROXY_PASSWORD."),
    ] = None,
    ca_file: Annotated[
        Path | None, typer.Option("--ca-file", help="Trust these roots (PEM), not the system's.")
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Go on past a bad certificate; the finding stays.")
    ] = False,
    *,
    output: Plan,
    gate: Demands,
) -> None:
    """Probe a server from here and say whether meetings on it will work."""
    from natprobe.cli import check as command
    from natprobe.cli.access import access
    from natprobe.cli.cascade import Cascading
    from natprobe.cli.entrance import entrance, janus_access
    from natprobe.cli.proxy import through

    asked = command.Asked(
        target=target,
        kind=kind,
        only=tuple(only or ()),
        skip=tuple(skip or ()),
        families=(4, 6) if v4 == v6 else (4,) if v4 else (6,),
        sources=tuple(source or ()),
        timeout=timeout,
        idle=idle,
        stun=None if stun is None else tuple(stun),
        turn=tuple(turn or ()),
        access=access(turn_username, turn_password_file, turn_secret_file),
        entrance=entrance(user, password_file, jwt_file, room, not no_join),
        janus=janus_access(janus_secret_file, janus_token_file, admin_key_file=janus_admin_key_file),
        cascade=Cascading(
            relays=tuple(cascade or ()),
            ifaces=tuple(iface or ()),
            addresses=tuple(cascade_address or ()),
            apply=apply,
        ),
        media_addresses=tuple(media_address or ()),
        through=through(proxy, proxy_username, proxy_password_file, guess_proxy),
        ca_file=ca_file,
        insecure=insecure,
        bitrate=bitrate,
        compare=compare,
        packets=packets,
        trace=trace,
        audit_relay=audit_relay,
        shallow=shallow,
        deep=deep,
        hold=hold,
        sessions=sessions,
    )
    raise typer.Exit(command.run(asked, output, gate))


@app.command()
@given(output=planned, gate=demanded)
def diagnose(
    files: Annotated[list[str], typer.Argument(help="[LABEL=]FILE of a saved or pasted report, or - for stdin.")],
    *,
    output: Plan,
    gate: Demands,
) -> None:
    """Judge saved reports again with today's rules; several are vantages of one target. No network."""
    from natprobe.cli import diagnose as command

    raise typer.Exit(command.run(files, output, gate))


@app.command()
def diff(
    old: Annotated[str, typer.Argument(help="FILE of the earlier report, saved or pasted, or - for stdin.")],
    new: Annotated[str, typer.Argument(help="FILE of the later one.")],
    form: Annotated[str, typer.Option("--format", "-f", help="text or json.")] = "text",
    as_json: Annotated[bool, typer.Option("--json", help="The same as -f json.")] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file instead of stdout.")] = None,
    fail_on: Annotated[
        str,
        typer.Option(
            "--fail-on",
            help="Exit 1 for a worse verdict, or new findings from here on: error, warning, note; or never.",
        ),
    ] = "never",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only errors on stderr.")] = False,
    lang: Lang = None,
) -> None:
    """Say what has changed from one report to a later one, and what got fixed. No network."""
    from natprobe.cli import diff as command
    from natprobe.cli.language import language

    form = "json" if as_json else form
    code = command.run(old, new, form=form, output=output, fail_on=fail_on, quiet=quiet, language=language(lang))
    raise typer.Exit(code)


app.command()(inspect)
app.command()(serve)


@app.command()
@given(output=planned)
def demo(*, output: Plan) -> None:
    """Serve and check on this machine's loopback: no network, no root, three seconds."""
    from natprobe.cli import demo as command

    raise typer.Exit(command.run(output))


@app.command()
def explain(
    word: Annotated[
        str,
        typer.Argument(help="A code such as NP101, or a cause such as udp-blocked.", autocompletion=complete.causes),
    ],
    lang: Lang = None,
) -> None:
    """Show the page of a cause."""
    from natprobe.cli.catalogue import explain as page
    from natprobe.cli.language import language, spoken
    from natprobe.cli.output import emit

    with spoken(language(lang)):
        shown = page(word)
    raise typer.Exit(OK if emit(shown) else USAGE)


@app.command("list")
def list_(
    what: Annotated[str, typer.Argument(help="probes, rules or formats.", autocompletion=complete.lists)],
) -> None:
    """List what there is."""
    from natprobe.cli.catalogue import listing
    from natprobe.cli.output import emit

    raise typer.Exit(OK if emit(listing(what)) else USAGE)


@app.command()
def schema() -> None:
    """Print the JSON Schema of the report."""
    from natprobe.cli.catalogue import schema as text
    from natprobe.cli.output import emit

    raise typer.Exit(OK if emit(text(), utf8=True) else USAGE)


def run(argv: list[str]) -> int:
    """Runs a command and gives its exit code. Bad input is one sentence, a fault of ours another; no traceback."""
    try:
        code = app(argv, standalone_mode=False)
    except UsageError as exc:
        warn(str(exc))
        return USAGE
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except SystemExit as exc:  # typer's way out of a closed pipe, and of what a shell asks for on TAB
        silence(sys.stdout)
        return exc.code if complete.asked() and isinstance(exc.code, int) else OK
    except NoArgsIsHelpError as exc:
        say(exc.format_message() + "\n")
        return USAGE
    except TyperException as exc:
        warn(exc.format_message() if isinstance(exc, ClickException) else str(exc))
        return USAGE
    # The top of the house: a fault of natprobe must not look like a finding.
    except Exception as exc:  # noqa: BLE001
        warn(f"natprobe itself failed ({place_of(exc)}); please report this to its maintainers")
        return FAULT
    return code if isinstance(code, int) else OK
