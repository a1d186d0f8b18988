"""The demo: a story in chapters, told by running it.

Every step runs the very command it prints and checks what came of it; `__main__` has the order.
"""
