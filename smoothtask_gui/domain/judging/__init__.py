"""The rule engine: conditions over named series, judged a tick at a time for every target of a scope."""
