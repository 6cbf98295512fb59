"""Actions on people: contact requests and their answers, blocks, the contact page."""

from msgtui.desk import Desk, Refused
from msgtui.safe_text import safe


def _who(desk: Desk, argument: str) -> str:
    """The account that is meant: the login that was typed, or the open conversation."""
    login = argument.strip()
    if not login:
        return desk.need_peer()
    return desk.roster.uid_of(login) or login


def _name(desk: Desk, who: str, argument: str) -> str:
    return safe(argument.strip() or desk.roster.login(who))


async def add(desk: Desk, argument: str) -> None:
    """Send a contact request, with a note after the login."""
    login, _, note = argument.strip().partition(" ")
    who = _who(desk, login)
    contact = await desk.client.request_contact(who, note.strip() or None)
    name = safe(contact.login)
    if contact.state == "accepted":
        desk.tell(f"You and {name} are contacts.")
    else:
        desk.tell(f"{name} has your request. You see their presence once they accept.")


async def accept(desk: Desk, argument: str) -> None:
    """Accept a contact request."""
    contact = await desk.client.accept_contact(_who(desk, argument))
    desk.tell(f"You and {safe(contact.login)} are contacts.")
    desk.open(contact.uid)
    desk.write()


async def decline(desk: Desk, argument: str) -> None:
    """Decline a contact request."""
    contact = await desk.client.decline_contact(_who(desk, argument))
    desk.tell(f"You declined the request of {safe(contact.login)}. They are not told.")


async def block(desk: Desk, argument: str) -> None:
    """Block somebody after a question."""
    who = _who(desk, argument)
    name = _name(desk, who, argument)
    question = f"Block {name}? Their messages and calls will not reach you, and they are not told."
    if await desk.ask(question, "Block"):
        await desk.client.block(who)
        desk.tell(f"{name} is blocked. /unblock takes it back.")


async def unblock(desk: Desk, argument: str) -> None:
    """Take a block back."""
    who = _who(desk, argument)
    await desk.client.unblock(who)
    desk.tell(f"{_name(desk, who, argument)} is not blocked any more.")


async def remove(desk: Desk, argument: str) -> None:
    """End a contact, or take a request back."""
    who = _who(desk, argument)
    name = _name(desk, who, argument)
    if await desk.ask(f"Remove {name} from your contacts? The conversation stays.", "Remove"):
        await desk.client.remove_contact(who)
        desk.tell(f"{name} is no contact of yours any more.")


async def message(desk: Desk, argument: str) -> None:
    """Open the conversation with somebody."""
    login = argument.strip()
    if not login:
        raise Refused("Say with whom: /msg LOGIN.")
    uid = desk.roster.uid_of(login)
    if uid is None:
        user = await desk.client.get_user(login=login)
        desk.roster.met(user.uid, user.login)
        uid = user.uid
    desk.open(uid)
    desk.write()


async def contact(desk: Desk, argument: str) -> None:
    """Show what is known of somebody."""
    from msgtui.screens.person import PersonScreen  # noqa: PLC0415 - the table of actions stands below the screens

    who = _who(desk, argument)
    is_known = desk.roster.contact(who) is not None or desk.roster.conversation(who) is not None
    user = await (desk.client.get_user(uid=who) if is_known else desk.client.get_user(login=who))
    desk.app.push_screen(PersonScreen(user, desk.roster.contact(user.uid), desk.calendar, desk.now_ms()))
