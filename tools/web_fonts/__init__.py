"""Makes the font overlay of the web app."""
