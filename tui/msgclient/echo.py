"""Echo: a bot that answers each message with its own text, takes every call, and says yes to every contact request.

A caller hears a greeting, and then what was said, a second later: how one tests a set-up alone.

`msgctl echo run` starts it as `python -m msgclient.echo --credentials FILE --data FOLDER`. FILE is JSON of mode 0600:
`server` (a wss:// URL), `login`, `password`, and `fingerprint`, the SHA-256 of the one certificate to accept; null
leaves that to the system's authorities. FOLDER holds the profile, so that a restart goes on where the last run ended.

Exit status: 0 after SIGTERM or SIGINT, 1 when the server does not take the bot, 2 when a file cannot be used.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import anyio
import msgspec

from .bot import Bot, ContactRequest, Message
from .call.calls import Calls
from .call.messages import EchoSound
from .client import Client
from .errors import ClientError, ProfileProblem
from .profile import Profile
from .trust import Ask, CertificateQuestion


class Credentials(msgspec.Struct, forbid_unknown_fields=True):
    """What the credentials file holds."""

    server: str
    login: str
    password: str
    fingerprint: str | None = None

    def __repr__(self) -> str:
        return f"Credentials(server={self.server!r}, login={self.login!r})"


def echo_bot(credentials: Credentials, data: Path) -> Bot:
    """The bot; raises `ValueError` for a server that is none."""
    profile = Profile.create("echo", credentials.server, data)
    bot = Bot(
        profile,
        login=credentials.login,
        password=credentials.password,
        on_certificate=None if credentials.fingerprint is None else _only(credentials.fingerprint),
    )

    @bot.on_message
    async def answer(message: Message) -> None:
        await message.reply(message.text)

    @bot.on_contact_request
    async def welcome(request: ContactRequest) -> None:
        await request.accept()

    return bot


async def take_calls(client: Client) -> None:
    """Answer every call; the call engine runs for as long as the bot."""
    async with Calls(client, sound=EchoSound(), answers=True, rings=False):
        await anyio.sleep_forever()


def _only(fingerprint: str) -> Ask:
    wanted = fingerprint.replace(":", "").lower()

    async def answer(question: CertificateQuestion) -> bool:
        return question.fingerprint.replace(":", "").lower() == wanted

    return answer


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m msgclient.echo", description="Answer every message with its text.")
    parser.add_argument("--credentials", type=Path, required=True, metavar="FILE", help="server, login and password")
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="where the bot keeps its state")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    try:
        bot = echo_bot(_read(options.credentials), options.data)
        bot.beside(take_calls)
        bot.run()
    except (OSError, ValueError, ProfileProblem) as error:
        return _fail(str(error), 2)
    except ClientError as error:
        return _fail(str(error), 1)
    return 0


def _read(path: Path) -> Credentials:
    """Read the credentials; the error of a broken file could quote the password, so it is not passed on."""
    if path.stat().st_mode & 0o077:
        raise ValueError(f"{path} can be read by others: chmod 600 it.")
    try:
        return msgspec.json.decode(path.read_bytes(), type=Credentials)
    except msgspec.DecodeError:
        raise ValueError(f"{path} is not JSON with server, login and password.") from None


def _fail(sentence: str, status: int) -> int:
    sys.stderr.write(f"echo: {sentence}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
