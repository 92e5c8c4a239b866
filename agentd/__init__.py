"""The workstation daemon: agents below, a relay above, one log between (ARCHITECTURE.md tells the two walks)."""
