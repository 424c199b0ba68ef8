"""Our own files: cards beside adapters, written atomically."""
