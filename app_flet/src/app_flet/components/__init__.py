"""What pages are built of. Components render values; only `screen` and `device` know how values change."""
