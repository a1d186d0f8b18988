#!/bin/sh
# Clang's thread-safety analysis, which GCC does not have, over every source that uses a mutex.
# Usage: thread-safety.sh BUILD_FOLDER JOBS
set -eu
cd "$(dirname "$0")/../.."
build=${1:?usage: thread-safety.sh BUILD_FOLDER JOBS}

# A source counts when it, or the header of its name, includes the mutex.
grep -lE '"base/mutex\.h"' -r src operator --include='*.cc' --include='*.h' | sed 's/\.h$/.cc/' |
    sort -u | while read -r file; do [ ! -f "$file" ] || echo "$file"; done |
    xargs -P "${2:-2}" -I{} clang++-19 -std=c++20 -fsyntax-only -I. -Isrc -D_TURN_OFF_PLATFORM_STRING \
        '-DSTAGEKEEPER_VERSION="0"' -Wthread-safety -Wthread-safety-beta -Werror {}
