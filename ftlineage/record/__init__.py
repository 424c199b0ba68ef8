"""The training side: Run, the trainer callback, sealing."""
