"""Is the preprocessing the recorded one? Files, settings, templates and code, compared by value."""
