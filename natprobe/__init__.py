"""natprobe: will a video meeting work between this network and that server, and what to change if not."""

__version__ = "0.1.0"
