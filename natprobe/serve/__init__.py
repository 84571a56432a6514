"""The responder behind `natprobe serve` and `demo`: it answers STUN and ICE checks, and nothing else."""
