"""The bars: how long natprobe takes and how much it needs. `python -m tests.bench` prints them; docs/bench.md."""
