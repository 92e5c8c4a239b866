"""A sentence that leaks: what a relay's, a proxy's or a provider's error may hold, and no report may."""

HOME = "/home/ada"
KNOWN = "correct-horse-battery"
"""Secret because of where it stands: in a variable with a telling name."""
SECRETS = ("abcdefgh.12345678", "sk-ant-api03-zyxwvuts", "hunter22", "t0ken-in-the-query", HOME)
LEAK = (
    f"Refused: Bearer {SECRETS[0]}, key {SECRETS[1]}, by https://ada:{SECRETS[2]}@relay.example.org/link?t={SECRETS[3]}"
    f"; see {HOME}/.local/halyard.log"
)


def leaked(text: str, *also: str) -> list[str]:
    """Which secrets `text` holds."""
    return [secret for secret in (*SECRETS, *also) if secret in text]
