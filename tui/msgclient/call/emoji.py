"""The 64 signs of a verification code: one code point each, two cells wide, with a name to read out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign of a code: `picture` for the eye, `name` for the voice and for terminals that cannot show it."""

    picture: str
    name: str


# No sign needs a variation selector, because terminals disagree on how wide such a pair is; and no two names sound
# alike over a bad line. The order is part of the contract between two clients: never change it.
_TABLE = (
    "🐶 dog|🐱 cat|🦁 lion|🐴 horse|🦄 unicorn|🐷 pig|🐘 elephant|🐰 rabbit|"
    "🐼 panda|🐔 chicken|🐧 penguin|🐢 turtle|🐟 fish|🐙 octopus|🦋 butterfly|🌷 flower|"
    "🌳 tree|🌵 cactus|🍄 mushroom|🌏 globe|🌙 moon|🐳 whale|🔥 fire|🍌 banana|"
    "🍎 apple|🍓 strawberry|🌽 corn|🍕 pizza|🎂 cake|🍋 lemon|😀 smile|🤖 robot|"
    "🎩 hat|👓 glasses|🔧 spanner|🎅 santa|👍 thumb|🐸 frog|⌛ hourglass|⏰ alarm|"
    "🎁 gift|💡 bulb|📕 book|🎲 dice|📎 paperclip|🎈 balloon|🔒 lock|🔑 key|"
    "🔨 hammer|🏠 house|🏁 flag|🚂 train|🚲 bicycle|🍇 grapes|🚀 rocket|🏆 trophy|"
    "⚽ ball|🎸 guitar|🎺 trumpet|🔔 bell|⚓ anchor|🎧 headphones|📁 folder|🥕 carrot"
)

SIGNS: tuple[Sign, ...] = tuple(Sign(*entry.split(" ")) for entry in _TABLE.split("|"))
