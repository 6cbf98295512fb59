"""What an administrator may do: one table of operations, served on a unix socket or carried out on a stopped store."""
