"""A scan for other programs: SARIF, annotations of GitHub, JUnit, JSON."""
