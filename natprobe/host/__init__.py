"""The only door to this machine. `api` says what a Host is; `system` is the real one."""
