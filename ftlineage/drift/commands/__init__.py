"""Hub references in command lines: shell, Dockerfiles, Makefiles, and commands inside other files."""
