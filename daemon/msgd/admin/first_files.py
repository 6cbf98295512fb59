"""The files of a first start: configuration, signing keys, certificate, and the place of the store."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from msgd.admin import certificate
from msgd.admin.private_file import make_private_directory, write_private
from msgd.auth.keyring import KeyRing, KeyRingError
from msgd.config import Address
from msgd.config.template import render


class FirstFilesError(Exception):
    """A file or directory cannot be made; the sentence says which and why."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a first start is to be like.

    Attributes:
        directory: Where everything goes.
        listen: The address that clients connect to.
        registration: "open", "invite" or "closed".
        public_name: Host name that people use; empty for none.
        ops: Address of metrics and health; None leaves them off.
    """

    directory: Path
    listen: Address
    registration: str
    public_name: str = ""
    ops: Address | None

    @property
    def config(self) -> Path:
        """The configuration, written last, so that it stands for a whole set."""
        return self.directory / "msgd.toml"

    @property
    def keys(self) -> Path:
        """The signing keys of the access tokens."""
        return self.directory / "keys.json"

    @property
    def certificate(self) -> Path:
        """The certificate in PEM."""
        return self.directory / "tls" / "cert.pem"

    @property
    def key(self) -> Path:
        """Its private key in PEM."""
        return self.directory / "tls" / "key.pem"

    @property
    def store(self) -> Path:
        """The directory of the store."""
        return self.directory / "store"

    def existing(self) -> list[Path]:
        """The files that would be overwritten."""
        return [path for path in (self.config, self.keys, self.certificate, self.key) if path.exists()]


def write(plan: Plan, now_ms: int) -> str:
    """Write everything, each file whole or not at all, and give the certificate's SHA-256 fingerprint.

    Existing files are replaced: look at `Plan.existing` before. A store that is there stays as it is.

    Raises:
        FirstFilesError: Something cannot be written.
    """
    try:
        made = certificate.make(_names(plan), now_ms)
    except certificate.CertificateError as error:
        raise FirstFilesError(str(error)) from error
    configuration = render(
        {
            "listen.address": str(plan.listen),
            "listen.public_name": plan.public_name,
            "ops.address": str(plan.ops or ""),
            "registration.mode": plan.registration,
        }
    )
    try:
        for directory in (plan.directory, plan.certificate.parent, plan.store):
            make_private_directory(directory)
        KeyRing.generate(now_ms).save(plan.keys)
        write_private(plan.key, made.key)
        write_private(plan.certificate, made.certificate)
        write_private(plan.config, configuration.encode())
    except KeyRingError as error:
        raise FirstFilesError(f"{error}.") from error
    except OSError as error:
        raise FirstFilesError(f"{error.filename} cannot be written: {error.strerror}.") from error
    return made.fingerprint


def _names(plan: Plan) -> Iterator[str]:
    """What clients may call this server; a wildcard address is no name."""
    if plan.public_name:
        yield plan.public_name
    if plan.listen.host not in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        yield plan.listen.host
