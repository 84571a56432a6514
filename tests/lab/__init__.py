"""An internet in memory: hosts, NATs, firewalls, loss, servers and a virtual clock. A host is a Net."""
