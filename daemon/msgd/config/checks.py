"""Rules between settings: what each key alone cannot say."""

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


def contradictions(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the key and the sentence of everything that does not fit together."""
    limits, turn, auth = settings.limits, settings.turn, settings.auth
    needed = _ESCAPED_BYTES_PER_BYTE * limits.max_text_bytes + _FRAME_BYTES
    if limits.max_message_bytes < needed:
        yield (
            "limits.max_message_bytes",
            f"must be at least {needed}: 6 × limits.max_text_bytes + {_FRAME_BYTES}, so "
            "that the longest text fits however it is escaped",
        )
    if settings.calls.max_sdp_bytes + _FRAME_BYTES > limits.max_message_bytes:
        yield (
            "calls.max_sdp_bytes",
            f"must be at least {_FRAME_BYTES} below limits.max_message_bytes, or no offer of that size can be sent",
        )
    if limits.max_mailbox < limits.window:
        yield "limits.max_mailbox", "must not be smaller than limits.window"
    if limits.frames_burst < limits.frames_per_s:
        yield "limits.frames_burst", "must not be smaller than limits.frames_per_s"
    if limits.max_connections_per_account > limits.max_connections:
        yield "limits.max_connections_per_account", "must not be greater than limits.max_connections"
    if settings.store.batch_max > settings.store.queue_max:
        yield "store.batch_max", "must not be greater than store.queue_max"
    if auth.refresh_ttl_s <= auth.access_ttl_s:
        yield "auth.refresh_ttl_s", "must be longer than auth.access_ttl_s"
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
