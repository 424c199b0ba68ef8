"""Does an adapter land on its base, and does it change anything? Decided from headers and digests."""
