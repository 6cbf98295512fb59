"""Rules between settings: contradictions that stop a start, and advice for what is allowed but seldom meant."""

import re
from collections.abc import Iterator

from msgd.config.settings import Settings

# A character of text may take six bytes in JSON (\u0000), and a frame has ids around it.
_ESCAPED_BYTES_PER_BYTE = 6
_FRAME_BYTES = 4096
# RFC 7064 and RFC 7065: no slashes after the colon.
_STUN = re.compile(r"stuns?:[^\s/?@]+")
_TURN = re.compile(r"turns?:[^\s/?@]+(\?transport=(udp|tcp))?")
_MOST_SECRETS = 2
_LOOPBACK = ("127.", "::1", "localhost")
# The weakest set that OWASP's password storage sheet lists for argon2id: 7 MiB and 5 passes.
_LEAST_MEMORY_KIB_PASSES = 7168 * 5


def contradictions(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the key and the sentence of everything with which the daemon could not work."""
    turn, auth = settings.turn, settings.auth
    if auth.argon2_memory_kib < 8 * auth.argon2_parallelism:
        yield "auth.argon2_memory_kib", "must be at least 8 KiB for each lane of auth.argon2_parallelism (RFC 9106)"
    if any(_TURN.fullmatch(url) is None for url in turn.urls):
        yield "turn.urls", "each must be turn:HOST:PORT or turns:HOST:PORT, with ?transport=udp or tcp if wanted"
    if any(_STUN.fullmatch(url) is None for url in turn.stun_urls):
        yield "turn.stun_urls", "each must be stun:HOST:PORT or stuns:HOST:PORT"
    if turn.urls and not turn.secret:
        yield "turn.urls", "need the secret of the TURN server: name its file in turn.secret_file"
    if len(turn.secret) > _MOST_SECRETS:
        yield "turn.secret", "takes one or two secrets, the second only while they are being exchanged"


def advice(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the key and the sentence of everything that works, but that an administrator should know of."""
    listen, limits, auth, ops = settings.listen, settings.limits, settings.auth, settings.ops.address
    if settings.registration.mode == "open":
        yield "registration.mode", "is open: anybody who reaches this server can make accounts"
    if listen.plain and not listen.address.host.startswith(_LOOPBACK):
        yield "listen.plain", "passwords cross the network in the clear unless a proxy in front ends TLS"
    if ops is not None and not ops.host.startswith(_LOOPBACK):
        yield "ops.address", "metrics and health are served without a password to everyone who reaches this address"
    if auth.argon2_memory_kib * auth.argon2_time < _LEAST_MEMORY_KIB_PASSES:
        yield "auth.argon2_memory_kib", "with auth.argon2_time is below what OWASP recommends for argon2id"
    if auth.refresh_ttl_s <= auth.access_ttl_s:
        yield "auth.refresh_ttl_s", "is not longer than auth.access_ttl_s, so a device has to log in again each time"
    needed = _ESCAPED_BYTES_PER_BYTE * limits.max_text_bytes + _FRAME_BYTES
    if limits.max_message_bytes < needed:
        yield "limits.max_message_bytes", f"below {needed} not every text of limits.max_text_bytes fits, once escaped"
    if settings.calls.max_sdp_bytes + _FRAME_BYTES > limits.max_message_bytes:
        yield "calls.max_sdp_bytes", "an offer of this size does not fit into limits.max_message_bytes"
    if limits.max_mailbox < limits.window:
        yield "limits.max_mailbox", "is smaller than limits.window, which can then never fill"
    if limits.frames_burst < limits.frames_per_s:
        yield "limits.frames_burst", "is smaller than limits.frames_per_s, so one second's frames at once are refused"
