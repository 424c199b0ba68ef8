"""A model from the very bytes that were verified."""
