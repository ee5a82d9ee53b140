# What every part of the launcher uses: sentences, tools, locks, children. Sourced by `metering`.

say() { printf 'metering: %s\n' "$*" >&2; }

die() { say "$@"; exit 1; }

# need TOOL WHAT REMEDY: one clear sentence for a tool that is not there.
need() { command -v "$1" >/dev/null 2>&1 || die "$2 is needed ('$1' was not found): $3."; }

asks_for_help() {
  local word
  for word in "$@"; do
    case $word in -h | --help | '-?' | --version) return 0 ;; esac
  done
  return 1
}

# True when the ledger is on a server, so that no engine is needed in this process.
names_a_server() {
  [[ -z ${METERING__CLICKHOUSE__URL-}${METERING__CLICKHOUSE__URL_FILE-} ]] || return 0
  local word
  for word in "$@"; do
    case $word in --clickhouse | --clickhouse=*) return 0 ;; esac
  done
  return 1
}

# with_lock NAME COMMAND…: several launchers may start at once; one does the work, the others wait for it.
# The command does not inherit the lock's descriptor: a process that it left behind could hold it for ever.
with_lock() {
  local name=$1 status=0
  shift
  need flock "flock" "install util-linux (macOS: 'brew install flock')"
  mkdir -p "$CACHE"
  exec 9>"$CACHE/$name.lock"
  flock -n 9 || {
    say "another metering command holds the $name lock; waiting for it"
    flock 9
  }
  "$@" 9>&- || status=$?
  exec 9>&-
  return "$status"
}

# Runs a command as a child that a signal to the launcher ends too.
run_child() {
  local status=0
  "$@" &
  CHILD=$!
  trap 'kill -TERM "$CHILD" 2>/dev/null; wait "$CHILD" 2>/dev/null; exit 143' TERM HUP
  trap 'kill -TERM "$CHILD" 2>/dev/null; wait "$CHILD" 2>/dev/null; exit 130' INT
  { wait "$CHILD"; } 2>/dev/null || status=$?
  trap - TERM HUP INT
  return "$status"
}
