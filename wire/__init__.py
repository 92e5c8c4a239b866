"""The pure core that both ends of a Halyard link must agree on beyond the .proto files.

Values and bytes only: no I/O, no clock, no message classes; time, ids and randomness come in as arguments.
`relay`, `agentd` and `app_flet` import these modules; these modules import none of them. docs/test-vectors.md
lets another implementation check itself against this one.
"""
