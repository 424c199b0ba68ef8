"""The command line: one thin file per verb, one output sink, one error boundary."""
