"""Agents that agentd can run: one folder each, all behind `agent.Agent`."""
