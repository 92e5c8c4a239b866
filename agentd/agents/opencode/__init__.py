"""OpenCode 1.x behind the agent interface: `client` and `events` speak its protocol, `translate` turns it into ours."""
