"""What a run is to measure."""

import msgspec

CELLS = ("fsync", "relay", "latency", "idle", "logins")
TRANSPORTS = ("wss", "ws")


class Plan(msgspec.Struct, kw_only=True, frozen=True):
    """The options of a run; times in seconds."""

    cells: tuple[str, ...] = CELLS
    transports: tuple[str, ...] = TRANSPORTS
    pairs: tuple[int, ...] = (10, 100, 1000)
    in_flight: tuple[int, ...] = (1, 16)
    rate: float = 1000.0
    rate_pairs: int = 100
    idle: int = 5000
    seconds: float = 3.0
    warmup_s: float = 1.0
    text_bytes: int = 64
    one_by_one: bool = False

    @property
    def needed_pairs(self) -> int:
        """How many pairs of accounts the chosen cells use."""
        needed = [0]
        needed += self.pairs if "relay" in self.cells else []
        needed += [self.rate_pairs] if "latency" in self.cells else []
        # So that no account has more devices than a person might.
        needed += [self.idle // 16 + 1] if "idle" in self.cells else []
        return max(needed)

    @property
    def needed_connections(self) -> int:
        """How many connections are open at once, at most."""
        return max(2 * self.needed_pairs, self.idle if "idle" in self.cells else 0)
