"""Measured claims: one module per claim, each beside its baseline in the same run (`python -m bench.NAME --json`)."""
