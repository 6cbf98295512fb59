"""Actions on what is seen: find, search, walk through conversations, help, theme."""

from msgtui.desk import Desk, Refused


async def find(desk: Desk, argument: str) -> None:
    """Find a conversation or a person."""
    from msgtui.screens.find import FindScreen  # noqa: PLC0415 - the table of actions stands below the screens

    uid = await desk.app.push_screen_wait(FindScreen(desk.client, desk.roster, argument.strip()))
    if uid is not None:
        desk.open(uid)
        desk.write()


async def search(desk: Desk, argument: str) -> None:
    """Search messages on the server."""
    from msgtui.screens.search import SearchScreen  # noqa: PLC0415 - the table of actions stands below the screens

    hit = await desk.app.push_screen_wait(
        SearchScreen(desk.client, desk.roster, desk.peer, argument.strip(), desk.calendar)
    )
    if hit is not None:
        desk.open(hit.peer, hit.message_id)


async def next_unread(desk: Desk, argument: str) -> None:
    """Open the next unread conversation."""
    desk.open_next_unread()


async def next_conversation(desk: Desk, argument: str) -> None:
    """Open the conversation below."""
    desk.step(1)


async def previous_conversation(desk: Desk, argument: str) -> None:
    """Open the conversation above."""
    desk.step(-1)


async def to_end(desk: Desk, argument: str) -> None:
    """Show the newest messages."""
    desk.to_end()


async def close(desk: Desk, argument: str) -> None:
    """Leave the conversation."""
    desk.close()


async def help_screen(desk: Desk, argument: str) -> None:
    """Show keys and commands."""
    from msgtui.screens.help import HelpScreen  # noqa: PLC0415 - the table of actions stands below the screens

    desk.app.push_screen(HelpScreen(argument.strip()))


async def theme(desk: Desk, argument: str) -> None:
    """Choose the colors."""
    name = argument.strip()
    if not name:
        desk.app.search_themes()
    elif name in ("dark", "light"):
        desk.app.theme = f"textual-{name}"
    elif name in desk.app.available_themes:
        desk.app.theme = name
    else:
        raise Refused("There is no such theme. /theme alone lists them.")
