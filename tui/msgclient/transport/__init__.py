"""The WebSocket under a client: what it has to do, and the adapter for the event loop that runs."""

import sniffio

from .interface import CertificateRejected, Connect, DialFailed, Transport, TransportClosed

__all__ = ["CertificateRejected", "Connect", "DialFailed", "Transport", "TransportClosed", "adapter"]


def adapter() -> Connect:
    """The adapter for the running event loop; the other loop's library is never imported."""
    if sniffio.current_async_library() == "trio":
        from .on_trio import connect as on_trio  # noqa: PLC0415 - see above

        return on_trio
    from .on_asyncio import connect as on_asyncio  # noqa: PLC0415 - see above

    return on_asyncio
