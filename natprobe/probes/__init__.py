"""One file per probe: what is asked of the network or the host. Probes observe; rules judge.

A probe is a module with REQUIRES, TAKES, YIELDS (kinds of observations), TIMEOUT (seconds) and
`async def probe(ctx, facts)`; natprobe/run.py has their sequence. The first line of its docstring is shown by
`natprobe list probes`.
"""
