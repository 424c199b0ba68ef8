"""One module per section of a card; heavy libraries are imported inside functions."""
