"""Public test doubles: LocalHub, a loopback stand-in for the Hub."""
