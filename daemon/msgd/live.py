"""The running daemon as administrators see it."""

from msgd.admin.context import CutReason, LiveReport
from msgd.service import Service
from msgd.store.commands import AccountId
from msgwire import CloseCode


class LiveService:
    """Answers the admin operations that ask about what runs now."""

    def __init__(self, service: Service, started_at: int, url: str) -> None:
        self._service = service
        self._started_at = started_at
        self._url = url

    def report(self) -> LiveReport:
        """Count what is going on now."""
        service = self._service
        return LiveReport(
            url=self._url,
            started_at=self._started_at,
            connections=len(service.links),
            sessions=sum(len(here.links) for here in service.online.by_account.values()),
            queue_depth=int(service.metrics.store_queue.source() if service.metrics.store_queue.source else 0),
        )

    def connections_of(self, account: AccountId) -> int:
        """Count the connections that are signed in as this account."""
        here = self._service.online.by_account.get(account)
        return 0 if here is None else len(here.links)

    def cut(self, account: AccountId, reason: CutReason) -> int:
        """Close every connection of the account; how many there were."""
        if reason == "account_deleted":
            self._service.directory.forget(account)
        return self._service.cut(account, CloseCode.REVOKED)
