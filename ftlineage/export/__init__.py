"""A card in the formats that other programs read: generated from it, never read back."""
