"""What the SDK raises.

::

    ClientError
    ├── RequestFailed            the server answered with an error frame: `code`, `message`, `retry_after_ms`
    ├── NotConnected             there is no live connection, or it ended before the reply came
    ├── RequestTimedOut          the connection lives, but the reply did not come in time
    ├── NotSignedIn              the profile holds no sign-in
    ├── LimitReached             a bound of this client; `limit` names it
    │   ├── OutboxFull           too many messages wait for the server
    │   ├── TooManyRequests      too many requests wait for their replies
    │   └── TextTooLong          the text is over the server's `limits.max_text_bytes`
    ├── CacheFailed              this computer cannot store it now: a full disk, a failing one
    ├── CertificateProblem       the server's certificate is not trusted
    └── ProfileProblem
        ├── ProfileInUse         another process has this profile open
        ├── ProfileUnreadable    a file of the profile is missing, broken or not a profile's
        └── CacheTooNew          a newer version of the client has written this cache

No error carries message text, a token or a password.
"""


class ClientError(Exception):
    """The root of everything that the SDK raises."""


class RequestFailed(ClientError):
    """The server refused a request.

    Attributes:
        code: the stable error code of the contract, such as `not_found`.
        message: a sentence for a person.
        retry_after_ms: how long to wait before another try, where the server said so.
    """

    def __init__(self, code: str, message: str, retry_after_ms: int | None = None) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message
        self.retry_after_ms = retry_after_ms


class NotConnected(ClientError):
    """There is no live connection, or it ended before the reply came; what was asked may or may not have happened."""


class RequestTimedOut(ClientError):
    """The reply did not come in time; what was asked may or may not have happened."""


class NotSignedIn(ClientError):
    """The profile holds no sign-in: call `Client.log_in` first."""


class LimitReached(ClientError):
    """A bound of this client was reached.

    Attributes:
        limit: the bound's value.
    """

    def __init__(self, sentence: str, limit: int) -> None:
        super().__init__(sentence)
        self.limit = limit


class OutboxFull(LimitReached):
    """Too many messages wait for the server."""


class TooManyRequests(LimitReached):
    """Too many requests wait for their replies."""


class TextTooLong(LimitReached):
    """The text has more UTF-8 bytes than the server takes."""


class CacheFailed(ClientError):
    """This computer cannot store it now, so nothing was changed. The cause is the database's own error."""


class CertificateProblem(ClientError):
    """The server's certificate is not trusted, so nothing was sent."""


class ProfileProblem(ClientError):
    """The profile's files cannot be used."""


class ProfileInUse(ProfileProblem):
    """Another process has this profile open. Two would use up each other's refresh token."""


class ProfileUnreadable(ProfileProblem):
    """A file of the profile is missing, broken or not a profile's."""


class CacheTooNew(ProfileProblem):
    """A newer version of the client has written this cache."""
