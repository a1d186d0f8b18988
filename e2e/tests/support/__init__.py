"""What the end-to-end tests share: doors to the API server, the bucket and the audit log."""
