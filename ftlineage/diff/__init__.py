"""Two cards: which elements changed."""
