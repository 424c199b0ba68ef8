"""The story `ftlineage demo` tells: every step is the real thing, small."""
