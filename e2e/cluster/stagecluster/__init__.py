"""A one-node Kubernetes cluster and an object-lock bucket, from real parts.

Everything runs as ordinary processes of this machine, under one state folder.
`lifecycle` is the place to start reading; `parts` lists what is run.
"""
