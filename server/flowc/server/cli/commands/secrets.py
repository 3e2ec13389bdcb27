"""The group `flowc secrets`: the sealed secrets of a server."""

import sys
from typing import Annotated, Any

import typer

from flowc.server.cli.arguments import AsJson, ServerOption, TenantOption
from flowc.server.cli.output import print_json, wrong
from flowc.server.cli.run_sources import open_server
from flowc.server.secrets.sealing import new_sealing_key

app = typer.Typer(
    help="Set, list, delete and rotate the secrets of a server.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

SecretNameArgument = Annotated[str, typer.Argument(help="Name, as in {{secrets.NAME}}.")]


@app.command("set")
def set_secret(
    name: SecretNameArgument,
    host: Annotated[
        list[str] | None,
        typer.Option(help="Host that it may be sent to; can be repeated. By default all."),
    ] = None,
    workflow: Annotated[
        list[str] | None,
        typer.Option(help="Workflow that may read it; can be repeated. By default all."),
    ] = None,
    tenant: TenantOption = None,
    server: ServerOption = None,
    as_json: AsJson = False,
) -> None:
    """Set a secret, read from standard input or asked for: it is never an argument."""
    about = {"value": _given(), "hosts": host or [], "workflows": workflow or []}
    with open_server(server) as client:
        made = client.set_secret(name, about, tenant)
    if as_json:
        print_json(made)
    else:
        typer.echo(f"The secret {name} is set (version {made['version']}).")


@app.command("list")
def list_secrets(
    tenant: TenantOption = None, server: ServerOption = None, as_json: AsJson = False
) -> None:
    """List the secrets and what they are bound to, without their values."""
    with open_server(server) as client:
        found = client.secrets(tenant)
    if as_json:
        print_json(found)
        return
    if not found["items"]:
        typer.echo("There are no secrets.")
    for secret in found["items"]:
        typer.echo(_line(secret, found["key_id"]))


@app.command("delete")
def delete_secret(
    name: SecretNameArgument, tenant: TenantOption = None, server: ServerOption = None
) -> None:
    """Delete a secret."""
    with open_server(server) as client:
        client.delete_secret(name, tenant)
    typer.echo(f"The secret {name} is deleted.")


@app.command("rotate")
def rotate_secrets(
    tenant: TenantOption = None, server: ServerOption = None, as_json: AsJson = False
) -> None:
    """Seal the secrets with the newest key; show how many are left under old ones."""
    with open_server(server) as client:
        done = client.rotate_secrets(tenant)
    if as_json:
        print_json(done)
        return
    left = done["remaining"]
    rest = "old keys can be removed" if not left else f"{left} are left under old keys"
    typer.echo(f"{done['resealed']} secrets are sealed with the key {done['key_id']}; {rest}.")


@app.command("key")
def new_key() -> None:
    """Print a new key for FLOWC_SEALING_KEYS."""
    typer.echo(new_sealing_key())


def _given() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Value", hide_input=True))
    # A line break at the end is the shell's, as in `echo`; those within belong to a key.
    value = sys.stdin.read().removesuffix("\n").removesuffix("\r")
    if not value:
        wrong("Standard input is empty: give the secret there, or start this in a terminal.")
    return value


def _line(secret: dict[str, Any], newest: str | None) -> str:
    hosts = ", ".join(secret["hosts"]) or "all hosts"
    workflows = ", ".join(secret["workflows"]) or "all workflows"
    old = "" if secret["key_id"] == newest else "  (under an old key)"
    return f"{secret['name']}  version {secret['version']}  {hosts}  {workflows}{old}"
