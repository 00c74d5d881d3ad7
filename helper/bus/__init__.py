"""The system bus as the helper uses it: connection, callers, quotas, authorization, dispatch. Knows no samples."""
