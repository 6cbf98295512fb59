"""What is read from, and changed in, session descriptions (RFC 8866) around the WebRTC library. Pure."""

import ipaddress
import re

_MAX_CANDIDATES = 64
_CANDIDATE = re.compile(
    r"^candidate:[A-Za-z0-9+/]{1,32} [12] udp \d{1,10} (?P<address>\S+) (?P<port>\d{1,5}) typ (host|srflx|prflx|relay)",
    re.IGNORECASE,
)
_DIRECTIONS = frozenset({"sendrecv", "sendonly", "recvonly", "inactive"})


class BadDescription(Exception):
    """A description that this program cannot use. The text quotes nothing of it."""


def checked(sdp: str) -> str:
    """A description from the other side, fit for the library; raises `BadDescription`.

    It has one audio section and nothing else. Candidates that are never tried are taken out: over TCP, broken ones,
    and host names, because looking one up would ask the network around about the other person.
    """
    lines = sdp.splitlines()
    sections = [line for line in lines if line.startswith("m=")]
    if len(sections) != 1 or not sections[0].startswith("m=audio "):
        raise BadDescription("A call has one stream of sound and nothing else.")
    kept = [line for line in lines if not line.startswith("a=candidate:") or is_usable(line[2:].strip())]
    if sum(line.startswith("a=candidate:") for line in kept) > _MAX_CANDIDATES:
        raise BadDescription("The description names too many addresses.")
    return "".join(f"{line}\r\n" for line in kept)


def is_usable(candidate: str) -> bool:
    """Whether `candidate:…` (RFC 8839 section 5.1) names an address to be tried over UDP."""
    found = _CANDIDATE.match(candidate)
    if found is None or not 0 < int(found["port"]) < 65536:
        return False
    try:
        address = ipaddress.ip_address(found["address"])
    except ValueError:
        return False
    return not (address.is_unspecified or address.is_multicast)


def direction_of(sdp: str) -> str:
    """`sendrecv`, `sendonly`, `recvonly` or `inactive`, as its author sees it (RFC 8866 section 6.7)."""
    for line in sdp.splitlines():
        if line.startswith("a=") and line[2:].strip() in _DIRECTIONS:
            return line[2:].strip()
    return "sendrecv"


def is_held(sdp: str) -> bool:
    """Whether the author of a description does not want to hear."""
    return direction_of(sdp) in {"inactive", "sendonly"}


def without_end(sdp: str) -> str:
    """Without the mark that no more candidates will follow."""
    return "".join(f"{line}\r\n" for line in sdp.splitlines() if line.strip() != "a=end-of-candidates")
