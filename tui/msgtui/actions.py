"""The one table of actions: keys, `/` commands, the palette, the help and the hints are read from it."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import Enum

from .desk import Desk
from .doing import account, people, text, view

Run = Callable[[Desk, str], Coroutine[object, object, None]]


class Scope(Enum):
    """Where an action's keys are heard."""

    CHAT = "anywhere"
    MESSAGE = "on a selected message"
    REQUEST = "on a contact request"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a person can do.

    Attributes:
        id: its name in the code.
        title: two or three words, for hints and the palette.
        help: one sentence.
        run: does it.
        keys: Textual's names of keys; the first is the one that is shown.
        commands: names after the `/`; the first is the one that is shown.
        argument: what follows the command, as shown in the help.
    """

    id: str
    title: str
    help: str
    run: Run
    keys: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    argument: str = ""
    scope: Scope = Scope.CHAT


ACTIONS: tuple[Action, ...] = (
    Action(
        "find",
        "find",
        "Find a conversation, a contact, or anybody on the server.",
        view.find,
        ("ctrl+k",),
        ("find",),
        "[LOGIN]",
    ),
    Action(
        "search",
        "search",
        "Search messages for words, here or in all conversations.",
        view.search,
        ("ctrl+f",),
        ("search",),
        "[WORDS]",
    ),
    Action(
        "next_unread",
        "next unread",
        "Open the next conversation with something unread.",
        view.next_unread,
        ("ctrl+n",),
        ("unread",),
    ),
    Action("next", "next", "Open the conversation below.", view.next_conversation, ("alt+down",)),
    Action("previous", "previous", "Open the conversation above.", view.previous_conversation, ("alt+up",)),
    Action("end", "newest", "Show the newest messages.", view.to_end, ("ctrl+end", "alt+end"), ("end",)),
    Action(
        "close",
        "close",
        "Leave the conversation; on a narrow terminal, back to the list.",
        view.close,
        ("alt+left",),
        ("close",),
    ),
    Action("message", "message", "Open the conversation with somebody.", people.message, (), ("msg",), "LOGIN"),
    Action(
        "add",
        "request contact",
        "Ask somebody to be your contact.",
        people.add,
        ("alt+r",),
        ("add", "request"),
        "[LOGIN] [NOTE]",
    ),
    Action(
        "accept",
        "accept",
        "Accept a contact request.",
        people.accept,
        ("alt+y",),
        ("accept",),
        "[LOGIN]",
        Scope.REQUEST,
    ),
    Action(
        "decline",
        "decline",
        "Decline a contact request; they are not told.",
        people.decline,
        ("alt+x",),
        ("decline",),
        "[LOGIN]",
        Scope.REQUEST,
    ),
    Action("block", "block", "Block somebody; they are not told.", people.block, (), ("block",), "[LOGIN]"),
    Action("unblock", "unblock", "Take a block back.", people.unblock, (), ("unblock",), "[LOGIN]"),
    Action(
        "remove", "remove contact", "End a contact, or take a request back.", people.remove, (), ("remove",), "[LOGIN]"
    ),
    Action(
        "contact",
        "contact",
        "Show what is known of somebody.",
        people.contact,
        ("alt+i",),
        ("contact", "whois"),
        "[LOGIN]",
    ),
    Action("reply", "reply", "Answer the selected message.", text.reply, ("r",), ("reply",), "", Scope.MESSAGE),
    Action(
        "edit",
        "edit",
        "Change the selected message, or your newest one.",
        text.edit,
        ("e",),
        ("edit",),
        "[TEXT]",
        Scope.MESSAGE,
    ),
    Action(
        "delete",
        "delete",
        "Delete the selected message, or your newest one, for both.",
        text.delete,
        ("d",),
        ("delete",),
        "",
        Scope.MESSAGE,
    ),
    Action("retry", "send again", "Send a failed message again.", text.retry, ("R",), ("retry",), "", Scope.MESSAGE),
    Action("discard", "discard", "Remove a failed message.", text.discard, ("x",), ("discard",), "", Scope.MESSAGE),
    Action("copy", "copy", "Copy the text of the selected message.", text.copy, ("c",), ("copy",), "", Scope.MESSAGE),
    Action(
        "online", "online", "Be online, with a few words beside it.", account.online, (), ("online", "back"), "[WORDS]"
    ),
    Action("away", "away", "Be away, with a few words beside it.", account.away, (), ("away",), "[WORDS]"),
    Action(
        "dnd", "do not disturb", "Ask not to be disturbed; calls get a busy tone.", account.dnd, (), ("dnd",), "[WORDS]"
    ),
    Action("invisible", "invisible", "Look offline to everybody.", account.invisible, (), ("invisible",)),
    Action("devices", "devices", "Show your devices and sign others out.", account.devices, (), ("devices",)),
    Action(
        "password",
        "change password",
        "Change your password; other devices are signed out.",
        account.password,
        (),
        ("password",),
    ),
    Action(
        "reconnect",
        "reconnect",
        "Connect again now instead of waiting.",
        account.reconnect,
        ("ctrl+r",),
        ("reconnect",),
        "[now]",
    ),
    Action(
        "theme", "theme", "Choose the colors: dark, light, or one of the list.", view.theme, (), ("theme",), "[NAME]"
    ),
    Action("logout", "sign out", "Sign this computer out and erase what it keeps.", account.log_out, (), ("logout",)),
    Action("help", "help", "Show keys and commands.", view.help_screen, ("f1",), ("help",), "[WORD]"),
    Action("quit", "quit", "Quit. What is not sent yet is sent the next time.", account.leave, (), ("quit", "exit")),
)

BY_ID: dict[str, Action] = {action.id: action for action in ACTIONS}
BY_COMMAND: dict[str, Action] = {name: action for action in ACTIONS for name in action.commands}

_KEY_NAMES = {"ctrl": "Ctrl", "alt": "Alt", "shift": "Shift", "up": "↑", "down": "↓", "left": "←", "right": "→"}


def key_name(keys: str) -> str:
    """A key as people write it: `Ctrl-K`, `Alt-↓`, `F1`, `Shift-R`."""
    parts = keys.split("+")
    if len(keys) == 1 and keys.isupper():
        parts = ["shift", keys]
    return "-".join(_KEY_NAMES.get(part, part.upper() if len(part) < 3 else part.capitalize()) for part in parts)
