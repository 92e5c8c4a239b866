"""A scripted model for people without a key and for tests: no intelligence, but a real agent behind it."""
