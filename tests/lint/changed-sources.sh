#!/bin/sh
# C++ sources that changed since a commit, committed or not; a changed header stands for the .cc
# file of its name. Usage: changed-sources.sh BASE
set -eu
cd "$(dirname "$0")/../.."
base=${1:?usage: changed-sources.sh BASE}

if ! git rev-parse --quiet --verify "$base^{commit}" > /dev/null; then
    echo "changed-sources: no commit $base here: looking at everything" >&2
    exec git ls-files 'src/*.cc' 'operator/*.cc' 'tests/*.cc'
fi
{
    git diff --name-only --diff-filter=d "$(git merge-base "$base" HEAD)"
    git ls-files --others --exclude-standard
} | grep -E '^(src|operator|tests)/.*\.(cc|h)$' | sed 's/\.h$/.cc/' | sort -u |
    while read -r file; do [ ! -f "$file" ] || echo "$file"; done
