"""The command line: top, record, alerts and doctor, without Qt."""
