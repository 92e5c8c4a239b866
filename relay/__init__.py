"""The blind relay: one process that carries, keeps and replays what it cannot read.

Workstations and operators reach it over gRPC, apps over WebSocket. It knows devices, opaque keys, sizes and times.
ARCHITECTURE.md tells the walks through these modules; docs/link-protocol.md tells the order of frames.
"""
