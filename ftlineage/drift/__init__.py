"""What moved upstream, and whether it matters."""
