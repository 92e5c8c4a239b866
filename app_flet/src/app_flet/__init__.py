"""The Halyard app: one Flet program for phones, desktops and browsers.

`link` and `pairing` talk to the relay, `reduce` turns what arrives into `model`, `pages` show it. Nothing on screen
comes from anywhere but the replica in `store`.
"""
