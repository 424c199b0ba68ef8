"""Signatures over a version's folder: OMS bundles, SSH signatures, and who is trusted to make them."""
