"""Is this it? Pure checks over a card and a folder, and the runner that reads both."""
