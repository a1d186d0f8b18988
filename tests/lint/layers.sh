#!/bin/sh
# Checks the arrows of ARCHITECTURE.md on the #include lines: who may include which folder of src/,
# and which single place may include each third-party header. Prints every stray line; exit 1 if any.
set -eu
cd "$(dirname "$0")/../.."
bad=0

# stray DIR PATTERN WHY: no file below DIR may include what matches PATTERN.
stray() {
  found=$(grep -rnE "^#include [\"<]($2)" "$1" --include='*.h' --include='*.cc' || true)
  if [ -n "$found" ]; then printf '%s\n' "$found" | sed "s|^|$3: |"; bad=1; fi
}

# allow DIR "folders": DIR may include these folders of src/ (and itself), and no other.
allow() {
  [ -d "src/$1" ] || return 0
  for folder in base artifact model promotion gates inference http kube aws audit runtime; do
    case " $1 $2 " in *" $folder "*) ;; *) stray "src/$1" "$folder/" "src/$1 must not include $folder" ;; esac
  done
  stray "src/$1" 'operator/' "src/$1 must not include operator"
}

allow base ''
allow model 'base'
allow promotion 'base model gates inference'
allow gates 'base'
allow artifact 'base'
allow inference 'base gates'
allow http 'base'
allow kube 'base model http'
allow aws 'base http'
allow audit 'base model aws'
allow runtime 'base kube'

# part DIR "folders of src" "folders of operator": the same for the parts of programs.
part() {
  [ -d "operator/$1" ] || return 0
  for folder in base artifact model promotion gates inference http kube aws audit runtime; do
    case " $2 " in *" $folder "*) ;; *) stray "operator/$1" "$folder/" "operator/$1 must not include $folder" ;; esac
  done
  for path in operator/*/; do
    folder=$(basename "$path")
    case " $1 $3 " in *" $folder "*) continue ;; esac
    for header in "$path"*.h; do
      stray "operator/$1" "$header\"" "operator/$1 must not include operator/$folder"
    done
  done
}

everything='base artifact model promotion gates inference http kube aws audit runtime'
part artifacts 'base artifact gates http aws' ''
part gate 'base artifact model gates inference http aws' 'artifacts'
part cli 'base artifact gates model promotion http kube aws audit' 'artifacts'
part controllers "$everything" ''
part cluster "$everything" 'controllers'
part promotions "$everything" 'controllers cluster'
part views "$everything" 'controllers cluster promotions'
part wiring "$everything" 'controllers cluster promotions views'

# only PATTERN WHERE...: headers that match PATTERN are included below WHERE only.
only() {
  pattern=$1
  shift
  found=$(grep -rnE "^#include <($pattern)" src operator --include='*.h' --include='*.cc' || true)
  for where in "$@"; do found=$(printf '%s\n' "$found" | grep -vE "^$where" || true); done
  if [ -n "$found" ]; then printf '%s\n' "$found" | sed "s|^|<$pattern> belongs to $*: |"; bad=1; fi
}

only '(cpprest|pplx)/' src/http/
only 'spdlog/' src/base/
only 'openssl/' src/base/crypto.cc src/http/
only 'yaml-cpp/' src/kube/kubeconfig.cc operator/wiring/config.cc operator/cli/manifest.cc
only 'simdjson' src/model/ src/kube/
only 'expat\.h' src/aws/s3_xml.cc
only 'utf8' src/base/text.cc
only 'CLI/' 'operator/[a-z_]*_main.cc' operator/cli/ operator/gate/
only 'prometheus/' src/runtime/metrics
only 'nlohmann/json\.hpp' 'src/.*\.cc' 'operator/.*\.cc'

exit $bad
