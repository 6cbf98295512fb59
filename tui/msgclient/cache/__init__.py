"""The client's copy: messages, conversations, contacts and the outbox of one account, in one SQLite file."""

from .apply import Applied, Lasting, apply
from .database import Cache, Tables

__all__ = ["Applied", "Cache", "Lasting", "Tables", "apply"]
