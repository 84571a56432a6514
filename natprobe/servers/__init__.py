"""What we know of each system, no I/O."""
