# Runs every test and counts. Sourced by `metering`.
#
#   ./metering test [--fast] [NAME…] [-- FILTER…]
#
# NAME picks the projects whose names contain it ("Core", "format"); what follows -- goes to the test programs
# (xunit's filters, such as -method '*R4*'). --fast leaves out what needs anything outside the checkout.
# A project that crashes, runs into its time limit, or runs no test counts as a failed test.

# Quick ones first, so that a plain mistake shows early; then the long ones. A project not named here runs after them.
TEST_ORDER=(format Core Schemas Events Gateway LocalBroker Kafka Registry Cli Streamiz Client Pipeline ClickHouse)
TEST_LAST=(Simulation Integration)
# Many tests wait for brokers, sessions and timeouts more than they compute: so many projects run side by side.
AT_ONCE=3
ALONE=" Integration " # it starts many processes: whatever runs beside it makes it slower by more than it takes itself
WITHOUT_KAFKA=" format Core Schemas Events Gateway Registry Server Simulation " # no broker is started for these alone
TIME_LIMIT_S=600

TEST_USAGE="usage: ./metering test [--fast] [NAME…] [-- FILTER…]"

PASSED=0 FAILED=0 SKIPPED=0
KAFKA_FOLDER='' KAFKA_NOTE='' CHILD_GROUP='' WATCH_GROUP=''
declare -A RUNNING=() # process id to name

run_tests() {
  local fast='' names=() filters=() name
  while (($#)); do
    case $1 in
      --fast) fast=1 ;;
      --) shift && filters=("$@") && break ;;
      -h | --help) echo "$TEST_USAGE" && exit 0 ;;
      -*) say "unknown option '$1'; $TEST_USAGE" && exit 2 ;;
      *) names+=("$1") ;;
    esac
    shift
  done
  TEST_LOGS=$CACHE/test
  rm -rf "$TEST_LOGS" && mkdir -p "$TEST_LOGS"
  TEST_TEMP=$(mktemp -d "${TMPDIR:-/tmp}/metering-test.XXXXXX")
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP

  local projects=()
  while read -r name; do projects+=("$name"); done < <(select_projects "$fast" ${names[@]+"${names[@]}"})
  ((${#projects[@]})) || { say "no test project is named like '${names[*]-}'; there are: $(all_projects | tr '\n' ' ')" && exit 2; }

  find_shared_folder "$fast"
  if ! ensure_engine; then
    count engine 0 1 0 0 "the ClickHouse engine could not be fetched"
    finish
  fi
  if ! ensure_built tests; then
    count build 0 1 0 0 "the build failed"
    finish
  fi
  # Again: the build had its own.
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  for name in "${projects[@]}"; do
    [[ -n $KAFKA_NOTE || $WITHOUT_KAFKA == *" $name "* ]] || provide_kafka "$fast"
    if [[ $ALONE == *" $name "* ]]; then join 0; else join $((AT_ONCE - 1)); fi
    start_project "$name" ${filters[@]+"${filters[@]}"}
  done
  join 0
  finish
}

# start_project NAME FILTER…: runs it in the background; what it prints comes when it has ended.
start_project() {
  local name=$1
  set -m
  (
    set +m
    trap end_groups EXIT
    trap 'exit 143' INT TERM HUP
    PASSED=0 FAILED=0 SKIPPED=0
    if [[ $name == format ]]; then check_format; else run_project "$@"; fi
    echo "$PASSED $FAILED $SKIPPED" >"$TEST_LOGS/$name.counts"
  ) >"$TEST_LOGS/$name.txt" 2>&1 &
  RUNNING[$!]=$name
  set +m
}

# join N: waits until at most N are running.
join() {
  local process
  while ((${#RUNNING[@]} > $1)); do
    wait -n "${!RUNNING[@]}" 2>/dev/null || true
    for process in "${!RUNNING[@]}"; do
      kill -0 "$process" 2>/dev/null || add_up "$process"
    done
  done
}

add_up() {
  local name=${RUNNING[$1]} passed failed skipped
  unset "RUNNING[$1]"
  cat "$TEST_LOGS/$name.txt"
  if read -r passed failed skipped 2>/dev/null <"$TEST_LOGS/$name.counts"; then
    PASSED=$((PASSED + passed)) FAILED=$((FAILED + failed)) SKIPPED=$((SKIPPED + skipped))
  else
    count "$name" 0 1 0 0 "ended before all of its tests had run"
  fi
}

all_projects() {
  local path name known=" ${TEST_ORDER[*]} ${TEST_LAST[*]} "
  {
    printf '%s\n' "${TEST_ORDER[@]}"
    for path in "$ROOT"/tests/*.Tests; do
      name=${path##*/Metering.}
      [[ $known == *" ${name%.Tests} "* ]] || printf '%s\n' "${name%.Tests}"
    done
    printf '%s\n' "${TEST_LAST[@]}"
  } | while read -r name; do [[ $name != format && -z $(project_folder "$name") ]] || echo "$name"; done
}

project_folder() {
  local folder
  for folder in "$ROOT/tests/Metering.$1.Tests" "$ROOT/tests/Metering.$1"; do
    if compgen -G "$folder/*.csproj" >/dev/null; then echo "$folder" && return 0; fi
  done
}

select_projects() {
  local fast=$1 name wanted
  shift
  all_projects | while read -r name; do
    if (($#)); then
      for wanted in "$@"; do
        [[ "metering.$(lower "$name").tests" != *"$(lower "$wanted")"* ]] || { echo "$name" && break; }
      done
    elif [[ -z $fast || " ${TEST_LAST[*]} " != *" $name "* ]]; then
      echo "$name"
    fi
  done
}

lower() { tr '[:upper:]' '[:lower:]' <<<"$1"; }

# METERING_SHARED: the folder with real services and data; the tests look there too (an empty place with --fast).
find_shared_folder() {
  if [[ -n $1 ]]; then
    export METERING_SHARED=$TEST_TEMP/none
  elif [[ -z ${METERING_SHARED-} && -d $ROOT/../shared ]]; then
    METERING_SHARED=$(cd "$ROOT/../shared" && pwd -P)
    export METERING_SHARED
  fi
}

# One broker for all projects: theirs to share by topic names, ours to stop.
provide_kafka() {
  local kafka=${METERING_SHARED-}/kafka/kafka port
  if [[ -n ${METERING_TEST_KAFKA-} ]]; then
    KAFKA_NOTE="the real Kafka at $METERING_TEST_KAFKA (METERING_TEST_KAFKA)"
    return 0
  fi
  if [[ -n $1 ]]; then KAFKA_NOTE="no Kafka (--fast)" && return 0; fi
  [[ -n ${METERING_SHARED-} && -x $kafka ]] || { KAFKA_NOTE="no Kafka: set METERING_TEST_KAFKA=HOST:PORT, or METERING_SHARED" && return 0; }
  command -v java >/dev/null 2>&1 || { KAFKA_NOTE="no Kafka: the one in METERING_SHARED needs Java 17 or newer" && return 0; }
  KAFKA_FOLDER=$TEST_TEMP/kafka
  for _ in 1 2 3; do
    port=$(free_port)
    # Its second compiler costs more than it earns in minutes.
    if JDK_JAVA_OPTIONS=-XX:TieredStopAtLevel=1 "$kafka" start --port "$port" --dir "$KAFKA_FOLDER" >"$TEST_LOGS/kafka.log" 2>&1; then
      export METERING_TEST_KAFKA=127.0.0.1:$port
      KAFKA_NOTE="a real Kafka of METERING_SHARED at $METERING_TEST_KAFKA, started for these tests"
      return 0
    fi
    "$kafka" stop --dir "$KAFKA_FOLDER" >/dev/null 2>&1 || true
    rm -rf "$KAFKA_FOLDER"
  done
  KAFKA_FOLDER=''
  KAFKA_NOTE="no Kafka: the one in METERING_SHARED did not start"
  count kafka 0 1 0 0 "it did not start; its log follows"
  show_log "$TEST_LOGS/kafka.log"
}

# A port below the ephemeral range that nobody answers on, with its neighbour for Kafka's controller.
free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 9000))
    port_is_free "$port" && port_is_free "$((port + 1))" && echo "$port" && return 0
  done
}

port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# run_project NAME FILTER…
run_project() {
  local name=$1 folder program xml=$TEST_LOGS/$1.xml log=$TEST_LOGS/$1.log started=$SECONDS status=0
  shift
  folder=$(project_folder "$name")
  program=$folder/bin/Release/net10.0/${folder##*/}.dll
  mkdir -p "$TEST_TEMP/$name"
  # A program that lives for a minute spends a fifth less when it compiles only what is called often (0x200 times, not 30) a
  # second time, keeps no profile for it, and maps what it compiles once, not twice.
  run_group "$log" env TMPDIR="$TEST_TEMP/$name" DOTNET_TieredPGO=0 DOTNET_TC_CallCountThreshold=200 DOTNET_EnableWriteXorExecute=0 \
    dotnet "$program" -noLogo -noColor -noAutoReporters -longRunning 60 -result-xml "$xml" "$@" || status=$?
  rm -rf "${TEST_TEMP:?}/$name"
  read_result "$name" "$xml" "$log" "$status" "$((SECONDS - started))" "$#"
}

# In a process group of its own, so that a test program goes with all that it started.
run_group() {
  local log=$1 status=0
  shift
  set -m
  "$@" >"$log" 2>&1 </dev/null &
  CHILD_GROUP=$!
  (
    sleep "$TIME_LIMIT_S"
    echo "metering: stopped after $TIME_LIMIT_S s" >>"$log"
    kill -TERM -- "-$CHILD_GROUP"
    sleep 10
    kill -KILL -- "-$CHILD_GROUP"
  ) >/dev/null 2>&1 &
  WATCH_GROUP=$!
  set +m
  wait "$CHILD_GROUP" 2>/dev/null || status=$?
  end_groups
  return "$status"
}

end_groups() {
  [[ -z $WATCH_GROUP ]] || { kill -KILL -- "-$WATCH_GROUP" && wait "$WATCH_GROUP"; } 2>/dev/null || true
  [[ -z $CHILD_GROUP ]] || { kill -KILL -- "-$CHILD_GROUP" && wait "$CHILD_GROUP"; } 2>/dev/null || true
  CHILD_GROUP='' WATCH_GROUP=''
}

# read_result NAME XML LOG STATUS SECONDS FILTERS
read_result() {
  local name=$1 xml=$2 log=$3 status=$4 seconds=$5 passed=0 failed=0 skipped=0 why=''
  if [[ ! -s $xml ]] || ! grep -q '</assemblies>' "$xml"; then
    failed=1 why="crashed (exit code $status)"
    ! grep -q '^metering: stopped after' "$log" || why="ran into the limit of $TIME_LIMIT_S s"
  else
    passed=$(attribute passed "$xml")
    skipped=$(attribute skipped "$xml")
    failed=$(($(attribute failed "$xml") + $(attribute errors "$xml")))
    if ((passed + failed + skipped == 0 && $6 == 0)); then
      failed=1 why="ran no test"
    elif ((status != 0 && failed == 0)); then
      failed=1 why="exited with code $status after its tests"
    fi
  fi
  count "$name" "$passed" "$failed" "$skipped" "$seconds" "$why"
  ((failed == 0)) || show_log "$log"
}

# The figures stand in the one <assembly …> element.
attribute() {
  local value
  value=$(grep -o '<assembly [^>]*>' "$2" | head -n 1 | grep -o " $1=\"[0-9]*\"" | tr -dc '0-9')
  echo "${value:-0}"
}

# Whitespace only (2 s): the rules that need a compilation are warnings, and so errors, of the build itself.
check_format() {
  local log=$TEST_LOGS/format.log started=$SECONDS
  if run_group "$log" dotnet format whitespace "$ROOT" --folder --verify-no-changes --exclude "$CACHE"; then
    count format 1 0 0 "$((SECONDS - started))" ''
  else
    count format 0 1 0 "$((SECONDS - started))" "'dotnet format' would change files"
    show_log "$log"
  fi
}

# count NAME PASSED FAILED SKIPPED SECONDS WHY
count() {
  PASSED=$((PASSED + $2)) FAILED=$((FAILED + $3)) SKIPPED=$((SKIPPED + $4))
  printf '%-14s %5d passed %4d failed %4d skipped %5d s%s\n' "$1" "$2" "$3" "$4" "$5" "${6:+   $6}"
}

show_log() {
  local lines
  lines=$(wc -l <"$1")
  ((lines <= 600)) || echo "    | (the last 600 of $lines lines of ${1#"$ROOT"/})"
  tail -n 600 "$1" | sed 's/^/    | /'
}

finish() {
  local shared=${METERING_SHARED-}
  echo
  echo "Kafka:       ${KAFKA_NOTE:-not needed by what ran}"
  echo "ClickHouse:  the real engine in process, ${METERING_LIBCHDB-none}"
  if [[ -n $shared && -d $shared/registry ]]; then echo "registry:    our own, and the real one of METERING_SHARED"; else echo "registry:    our own only (no METERING_SHARED)"; fi
  if ((SKIPPED)); then
    echo "skipped:"
    cat "$TEST_LOGS"/*.xml 2>/dev/null | grep -o '<reason>[^<]*</reason>' | sed -e 's/<[^>]*>//g' -e 's/&lt;/</g' -e 's/&gt;/>/g' -e 's/&amp;/\&/g' |
      sort | uniq -c | sort -rn
  fi
  echo "took $((SECONDS / 60)) min $((SECONDS % 60)) s"
  clean_up
  if ((SKIPPED)); then echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"; else echo "$PASSED passed, $FAILED failed"; fi
  ((FAILED == 0 && PASSED > 0)) || exit 1
  exit 0
}

# Also on Ctrl-C: nothing that the tests started stays.
clean_up() {
  trap - EXIT
  ((${#RUNNING[@]} == 0)) || { kill -TERM "${!RUNNING[@]}" && wait "${!RUNNING[@]}"; } 2>/dev/null || true
  RUNNING=()
  end_groups
  stop_compiler
  if [[ -n $KAFKA_FOLDER ]]; then
    "$METERING_SHARED/kafka/kafka" stop --dir "$KAFKA_FOLDER" >/dev/null 2>&1 || "$METERING_SHARED/kafka/kafka" kill --dir "$KAFKA_FOLDER" >/dev/null 2>&1 || true
    KAFKA_FOLDER=''
  fi
  rm -rf "${TEST_TEMP-}"
}
