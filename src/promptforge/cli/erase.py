"""``promptforge erase``: an end user's content and name, for good."""

import click

from promptforge.cli.output import cell
from promptforge.cli.talking import Session, command


@command()
@click.option("--end-user", required=True, metavar="NAME", help="The end user, exactly as your calls name them.")
@click.option("--yes", is_flag=True, help="Do not ask.")
async def erase(session: Session, /, end_user: str, yes: bool) -> None:
    """Erase what an end user said and what says who they are, for good; figures stay."""
    if not yes:
        question = f"Erase the content, sessions and tags of everything that ran for '{cell(end_user)}'?"
        click.confirm(question, abort=True, err=True)
    found = await session.client.erase_end_user(end_user)
    session.output.value(found.raw)
    session.output.fields(
        {
            "Executions": f"{found.executions:,}",
            "Chain executions": f"{found.chain_executions:,}",
            "Values remembered by chains": f"{found.memories:,}",
        }
    )
    session.output.note("their content is erased, their figures stay; backups that were made before still have both")
    if found.unreadable:
        session.output.note(
            f"{found.unreadable:,} damaged events of the workspace cannot be read, so nobody can say whose they are: "
            "see `promptforge doctor`"
        )
