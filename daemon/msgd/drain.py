"""A kind end: every client is told to come back, each at a moment of its own, and given the time to hear it."""

import trio

from msgd.service import Service
from msgwire import CloseCode

_LAST_WORDS_S = 2.0
"""What the last clients have to answer their close frame."""


async def drain(service: Service, seconds: float) -> int:
    """Close every connection with 1012, spread over `seconds`; how many there were.

    Each gets its own `retry_after_ms`, so that the successor is not met by all at once: the first ones told wait
    longest, and by then a successor that holds the listening socket is up.
    """
    service.draining = True
    links = sorted(service.links, key=lambda link: link.connection.id)
    share_s = seconds / max(1, len(links))
    for place, link in enumerate(links):
        retry_after_ms = int((len(links) - place) * share_s * 1000) + 100
        link.connection.close(CloseCode.SERVICE_RESTART, f"retry_after_ms={retry_after_ms}")
        if share_s:
            await trio.sleep(share_s)
    with trio.move_on_after(_LAST_WORDS_S if links else 0):
        await service.wait_empty()
    return len(links)
