"""Protocols without I/O: bytes in, values out. Nothing here knows a socket, a clock or a fact."""
