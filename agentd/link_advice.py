"""What a person can do about a link to the relay that is not up, by the reason for it. Pure."""

OWN_STORE = "OWN_STORE"
"""Reason of a link that ended because this machine's disk took nothing; all others are the relay's or gRPC's words."""

_INVITE = "Ask the relay's operator for an invite (`relay invite`), then `agentd run --relay URL --invite INVITE`."
_WAY = (
    "The checks of the relay tell how far the way to it goes: look after the network, and whether `relay serve` "
    "runs there. agentd keeps trying by itself."
)
_TLS = (
    "Renew the relay's certificate, or install the authority that signed it on this machine; the address must begin "
    "with https:// only where the relay, or what stands in front of it, speaks TLS."
)
_LOGIN = "Something in front of the relay wants a login of its own: let it pass gRPC through to the relay as it is."
_RELEASE = "The relay is older than this agentd, or something else answers at that port: update the relay."
_AGAIN = "agentd tries again by itself; if it stays so, ask the relay's operator."
_ADVICE = {
    "INVITE_NEEDED": _INVITE,
    "INVITE_INVALID": _INVITE,
    "NOT_FOUND": _INVITE,
    "TOKEN_INVALID": "Name the relay as it calls itself, for example `agentd run --relay https://relay.example.org`.",
    "CLOCK_SKEW": "Set this machine's clock, for example with `timedatectl set-ntp true`.",
    "SUPERSEDED": "Another agentd has this workstation's identity, perhaps from a copied folder: stop one of the two.",
    "REVOKED": "The relay's operator took this workstation out; ask there.",
    "RATE_LIMITED": _AGAIN,
    "STORE_UNAVAILABLE": "The relay's disk may be full: look at its log. agentd tries again by itself.",
    OWN_STORE: (
        "The check of the store says why; mostly this machine's disk is full. "
        "agentd links again by itself, and nothing is lost."
    ),
    "MALFORMED": "Update agentd and the relay to the same release.",
    "TOO_LARGE": "Update agentd and the relay to the same release.",
    "UNIMPLEMENTED": _RELEASE,
    "UNAUTHENTICATED": _LOGIN,
    "PERMISSION_DENIED": _LOGIN,
}
_SIGNS_OF_TLS = ("ssl", "tls", "certificate")


def advice_for(reason: str, detail: str) -> str:
    """What to do. `reason`: as in `LinkStatus`; `detail`: its words, which alone tell a failure of TLS."""
    if reason == "UNAVAILABLE" and any(sign in detail.lower() for sign in _SIGNS_OF_TLS):
        return _TLS
    return _ADVICE.get(reason, _WAY)
