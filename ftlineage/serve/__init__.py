"""Between a verified version and an inference engine: names, kept copies, launchers, plugins, closed doors."""
