"""What clients were promised and what they found afterwards, compared without any I/O.

A promise is a reply `sent`: the message is at that place of the sender's mailbox, once in the receiver's mailbox,
with that text, for good. An event that came is a promise as well: its place holds that event for good.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Place(NamedTuple):
    """A message where a mailbox has it."""

    seq: int
    message_id: str
    sender: str
    client_message_id: str
    text: str


@dataclass
class Letter:
    """A message that a client wrote; `message_id` and `seq` are what `sent` said, once it came."""

    sender: str
    receiver: str
    client_message_id: str
    text: str
    message_id: str = ""
    seq: int = 0
    was_refused: bool = False

    @property
    def is_promised(self) -> bool:
        """Whether `sent` came for it."""
        return bool(self.message_id)


@dataclass
class Ledger:
    """Everything that the clients of one daemon wrote, were promised and saw."""

    letters: list[Letter] = field(default_factory=list)
    seen: dict[str, dict[int, str]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def wrote(self, letter: Letter) -> None:
        """A client is about to send a message for the first time."""
        self.letters.append(letter)

    def was_promised(self, letter: Letter, message_id: str, seq: int) -> None:
        """`sent` came; a second answer must be the first one again."""
        if letter.is_promised and (letter.message_id, letter.seq) != (message_id, seq):
            self.faults.append(f"{letter.client_message_id}: promised as {letter.seq}, then as {seq}")
        letter.message_id, letter.seq = message_id, seq

    def saw(self, account: str, seq: int, what: str) -> None:
        """An event came; its place must always hold the same."""
        before = self.seen.setdefault(account, {}).setdefault(seq, what)
        if before != what:
            self.faults.append(f"place {seq} of {account} held {before}, then {what}")

    def unanswered(self, sender: str) -> list[Letter]:
        """What a client has to send again, oldest first."""
        return [letter for letter in self.letters if letter.sender == sender and not letter.is_promised]

    def check(self, mailboxes: Mapping[str, Sequence[Place]], heads: Mapping[str, int]) -> list[str]:
        """Every broken promise, given what each mailbox holds from its first event to its head.

        A mailbox lists its messages; other events may stand between them, so only `heads` and what was seen tell
        where it must end.
        """
        found = list(self.faults)
        for account, places in mailboxes.items():
            found += _faults_of_a_mailbox(account, places, heads[account])
            by_seq = {place.seq: place.message_id for place in places}
            for seq, what in self.seen.get(account, {}).items():
                if what != by_seq.get(seq, what):
                    found.append(f"place {seq} of {account} held {what}, now {by_seq[seq]}")
                if seq > heads[account]:
                    found.append(f"event {seq} of {account} was seen, and the mailbox ends at {heads[account]}")
        indexed = {account: _by_name(places) for account, places in mailboxes.items()}
        for letter in self.letters:
            found += _faults_of_a_letter(letter, indexed[letter.sender], indexed[letter.receiver])
        return [*found, *_faults_of_order(self.letters, mailboxes)]


def _faults_of_a_mailbox(account: str, places: Sequence[Place], head: int) -> Iterable[str]:
    seqs = [place.seq for place in places]
    if seqs != sorted(set(seqs)):
        yield f"the mailbox of {account} is out of order"
    if seqs and seqs[-1] > head:
        yield f"the mailbox of {account} goes on to {seqs[-1]}, past its head {head}"
    names = [(place.sender, place.client_message_id) for place in places]
    if len(names) != len(set(names)):
        yield f"the mailbox of {account} holds a message twice"


Index = Mapping[tuple[str, str], Sequence[Place]]


def _by_name(places: Iterable[Place]) -> Index:
    """The places of each message, by its sender and the sender's own id for it."""
    index: dict[tuple[str, str], list[Place]] = {}
    for place in places:
        index.setdefault((place.sender, place.client_message_id), []).append(place)
    return index


def _faults_of_a_letter(letter: Letter, own: Index, theirs: Index) -> Iterable[str]:
    for whose, index in (("sender", own), ("receiver", theirs)):
        copies = index.get((letter.sender, letter.client_message_id), ())
        if letter.is_promised and not copies:
            yield f"{letter.client_message_id} was promised and is not in the mailbox of its {whose}"
        for copy in copies:
            if copy.text != letter.text:
                yield f"{letter.client_message_id} has another text at its {whose}"
            if letter.is_promised and copy.message_id != letter.message_id:
                yield f"{letter.client_message_id} has another id at its {whose}"
            if letter.is_promised and whose == "sender" and copy.seq != letter.seq:
                yield f"{letter.client_message_id} was promised as {letter.seq} and is {copy.seq}"


def _faults_of_order(letters: Sequence[Letter], mailboxes: Mapping[str, Sequence[Place]]) -> Iterable[str]:
    """Promised messages of one sender stand in the order in which they were written, unless one was refused once."""
    for receiver, places in mailboxes.items():
        found = {(place.sender, place.client_message_id): place.seq for place in places}
        last: dict[str, int] = {}
        for letter in letters:
            seq = found.get((letter.sender, letter.client_message_id))
            if letter.receiver == receiver and letter.is_promised and not letter.was_refused and seq is not None:
                if seq < last.get(letter.sender, 0):
                    yield f"{letter.client_message_id} overtook an older one of {letter.sender}"
                last[letter.sender] = seq
