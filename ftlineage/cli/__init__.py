"""One thin file per verb, one output sink, one error boundary."""
