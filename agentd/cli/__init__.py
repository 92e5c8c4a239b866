"""The commands that a person types, a module each. They print for people or, with --json, for scripts."""
