"""Measures the operator from outside: by the audit log, watches, /proc and its own log.

Every figure has a noise meter from the same run beside it, since the machine is never quiet.
"""
