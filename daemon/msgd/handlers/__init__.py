"""What the daemon does with each client frame: one function a frame, one module a section of the contract."""
