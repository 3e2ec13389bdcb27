"""The group `flowc runs`: one file for each of its commands."""

import typer

from flowc.server.cli.commands.runs import answer, cancel, check_upgrade, list, show, watch

app = typer.Typer(
    help="Show, watch, answer and cancel runs.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
app.command("list")(list.list_runs)
app.command("show")(show.show_run)
app.command("watch")(watch.watch_run)
app.command("answer")(answer.answer_run)
app.command("cancel")(cancel.cancel_run)
app.command("check-upgrade")(check_upgrade.check_upgrade)
