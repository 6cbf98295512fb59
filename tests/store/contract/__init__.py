"""What every implementation of the store must do; a new one is a row in `FACTORIES`."""
