"""The only door to the network. `api` says what a Net is; `system` is the real one; tests bring their own."""
