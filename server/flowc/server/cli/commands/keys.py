"""The group `flowc keys`: API keys of a server."""

from typing import Annotated, Any

import typer

from flowc.server.cli.arguments import AsJson, ServerOption, TenantOption
from flowc.server.cli.output import print_json, wrong
from flowc.server.cli.run_sources import open_server

app = typer.Typer(
    help="Create, list and revoke the API keys of a server.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="What the key is for, such as `ci`.")],
    role: Annotated[
        str | None, typer.Option(help="Role: viewer, operator, editor or admin.")
    ] = None,
    scope: Annotated[
        list[str] | None, typer.Option(help="Scope, such as runs:execute; can be repeated.")
    ] = None,
    workflow: Annotated[
        str | None, typer.Option(help="Workflow that the key may run, and do nothing else.")
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(help="Group whose questions the holder may answer; can be repeated."),
    ] = None,
    days: Annotated[
        float | None, typer.Option(min=0.01, help="Days after which the key expires.")
    ] = None,
    tenant: TenantOption = None,
    server: ServerOption = None,
    as_json: AsJson = False,
) -> None:
    """Create an API key, and print it: it is shown this once."""
    given: dict[str, Any] = {"role": role, "scopes": scope or None, "workflow_id": workflow}
    if sum(each is not None for each in given.values()) != 1:
        wrong("Give one of --role, --scope and --workflow.")
    with open_server(server) as client:
        made = client.create_key(
            {"name": name, "days": days, "tenant": tenant, "groups": group or [], **given}
        )
    if as_json:
        print_json(made)
    else:
        typer.echo(made["key"])


@app.command("list")
def list_keys(
    tenant: TenantOption = None, server: ServerOption = None, as_json: AsJson = False
) -> None:
    """List API keys, newest first, also those that are over."""
    with open_server(server) as client:
        keys = client.keys(tenant)
    if as_json:
        print_json(keys)
        return
    if not keys:
        typer.echo("There are no API keys.")
    for key in keys:
        typer.echo(_line(key))


@app.command("new")
def new_key_text() -> None:
    """Print a key that no server has yet.

    A server without keys takes the one in the file `admin-key` of its data folder as its first, an
    administrator's.
    """
    # Imported here: the other commands need none.
    from flowc.server.access.api_keys import KeyText  # noqa: PLC0415

    typer.echo(str(KeyText.new()))


@app.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(help="Id of the API key.")],
    tenant: TenantOption = None,
    server: ServerOption = None,
    as_json: AsJson = False,
) -> None:
    """Revoke an API key at once."""
    with open_server(server) as client:
        key = client.revoke_key(key_id, tenant)
    if as_json:
        print_json(key)
    else:
        typer.echo(f"The key {key_id} is revoked.")


def _line(key: dict[str, Any]) -> str:
    may = key["role"] or (f"runs {key['workflow_id']}" if key["workflow_id"] else None)
    ends = "revoked" if key["revoked_at"] else f"until {key['expires_at'] or 'it is revoked'}"
    return f"{key['id']}  {key['name']}  {may or ' '.join(key['scopes'])}  {ends}"
