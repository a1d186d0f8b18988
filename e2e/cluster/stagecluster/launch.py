"""Becomes a part of the cluster: records its own pid, then executes the program.

Run as `python3 launch.py PID_FILE PROGRAM ARGUMENT...`. The record is written
before the program starts and by the process itself, so that whatever happens to
the command that started it, no part ever runs unrecorded.
"""

import os
import sys


def main() -> None:
    pid_file, program = sys.argv[1], sys.argv[2]
    with open("/proc/self/stat", encoding="ascii") as stat:
        # The command name (field 2) may hold spaces, never a parenthesis at its end.
        start_ticks = stat.read().rpartition(")")[2].split()[19]
    with open(pid_file + ".new", "w", encoding="ascii") as out:
        out.write(f"{os.getpid()} {start_ticks}\n")
    os.rename(pid_file + ".new", pid_file)
    os.execv(program, sys.argv[2:])


main()
