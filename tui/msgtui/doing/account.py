"""Actions on the own account: presence, devices, password, sign-out, the connection."""

from msgtui.desk import Desk, Refused


async def online(desk: Desk, argument: str) -> None:
    """Be online."""
    await desk.client.set_presence("online", argument.strip() or None)
    desk.tell("Your contacts see you online.")


async def away(desk: Desk, argument: str) -> None:
    """Be away."""
    await desk.client.set_presence("away", argument.strip() or None)
    desk.tell("Your contacts see you away.")


async def dnd(desk: Desk, argument: str) -> None:
    """Take no calls."""
    await desk.client.set_presence("dnd", argument.strip() or None)
    desk.tell("Your contacts see that you do not want to be disturbed. Calls get a busy tone.")


async def invisible(desk: Desk, argument: str) -> None:
    """Look offline."""
    await desk.client.set_presence("invisible", None)
    desk.tell("Your contacts see you offline. Messages still arrive.")


async def reconnect(desk: Desk, argument: str) -> None:
    """Try to connect at once."""
    desk.client.reconnect_now()


async def devices(desk: Desk, argument: str) -> None:
    """Show the account's devices."""
    from msgtui.screens.devices import DevicesScreen  # noqa: PLC0415 - the table of actions stands below the screens

    desk.app.push_screen(DevicesScreen(desk.client, await desk.client.devices(), desk.calendar, desk.now_ms()))


async def password(desk: Desk, argument: str) -> None:
    """Change the password."""
    from msgtui.screens.password import PasswordScreen  # noqa: PLC0415 - the table of actions stands below the screens

    if argument.strip():
        raise Refused("Do not type a password here: /password alone asks for it.")
    desk.app.push_screen(PasswordScreen(desk.client))


async def log_out(desk: Desk, argument: str) -> None:
    """Sign this device out after a question."""
    queued = desk.client.queued
    lost = f" {queued} messages that are not sent yet are lost." if queued else ""
    question = f"Sign out? What this computer keeps of your conversations is erased; the server keeps them.{lost}"
    if await desk.ask(question, "Sign out"):
        await desk.client.log_out()


async def leave(desk: Desk, argument: str) -> None:
    """Quit the program."""
    await desk.app.run_action("quit")
