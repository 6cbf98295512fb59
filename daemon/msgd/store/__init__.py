"""The durable state of the daemon: commands, reads, and the engines that keep them."""
