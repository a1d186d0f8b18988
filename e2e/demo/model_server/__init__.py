"""The demo's HTTP model server: serves exactly the version it is pinned to, or nothing."""
