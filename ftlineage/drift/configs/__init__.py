"""References in YAML, TOML and JSON, read by the framework that the file is for."""
