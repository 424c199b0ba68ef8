"""Hub references in Python source, read from the syntax tree with data flow inside a file."""
