"""The command line: top, connections, probes, record, alerts and doctor, without Qt."""
