# Builds what is stale, and only that. Sourced by `metering`.
#
# A build is stale when the list of its inputs (path, size, time of change) is not the one that was built:
# that sees deleted files and older files put back, which a comparison with one time stamp does not.

APP_DLL=$ROOT/src/Metering.Cli/bin/Release/net10.0/metering.dll
BENCH_DLL=$ROOT/tests/Metering.Benchmarks/bin/Release/net10.0/Metering.Benchmarks.dll
SIMULATION_DLL=$ROOT/tests/Metering.Simulation/bin/Release/net10.0/Metering.Simulation.dll
BUILD_STATE=$CACHE/build

# ensure_built app|bench|simulation|tests
ensure_built() {
  is_built "$1" || with_lock build build_scope "$1" || return 1
}

is_built() {
  local output=$BENCH_DLL
  [[ $1 != app ]] || output=$APP_DLL
  [[ $1 != simulation ]] || output=$SIMULATION_DLL
  [[ -f $output && -f $BUILD_STATE/$1.stamp && $(<"$BUILD_STATE/$1.stamp") == "$(fingerprint "$1")" ]]
}

fingerprint() {
  local inputs=(src schemas infra/prices infra/policies Directory.Build.props Directory.Packages.props
    Metering.sln global.json BannedSymbols.txt .editorconfig) present=() input
  [[ $1 == app ]] || inputs+=(tests)
  for input in "${inputs[@]}"; do
    [[ -e $ROOT/$input ]] && present+=("$input")
  done
  (cd "$ROOT" && list_files "${present[@]}" | LC_ALL=C sort | cksum)
}

list_files() {
  if [[ $OSTYPE == linux* ]]; then
    find "$@" \( -name bin -o -name obj \) -prune -o -type f -printf '%p %s %T@\n'
  else
    find "$@" \( -name bin -o -name obj \) -prune -o -type f -exec stat -f '%N %z %m' {} +
  fi
}

build_scope() {
  local scope=$1 target stamps=("$1") stamp
  ! is_built "$scope" || return 0 # by the command that held the lock before us
  (cd "$ROOT" && dotnet --version) >/dev/null 2>&1 ||
    die "The .NET SDK that global.json asks for (10.0) is not installed; 'dotnet --list-sdks' shows what is."
  mkdir -p "$BUILD_STATE"
  case $scope in
    app) target=src/Metering.Cli/Metering.Cli.csproj ;;
    bench) target=tests/Metering.Benchmarks/Metering.Benchmarks.csproj ;;
    simulation) target=tests/Metering.Simulation/Metering.Simulation.csproj ;;
    tests) target=Metering.sln stamps=(tests app bench simulation) ;;
  esac
  # Taken before the build: what is edited while it runs is stale afterwards.
  for stamp in "${stamps[@]}"; do fingerprint "$stamp" >"$BUILD_STATE/$stamp.next"; done

  if [[ -f $BUILD_STATE/unfinished ]]; then
    say "the last build was killed; building anew"
    remove_outputs
  fi
  say "building $target"
  dotnet_build "$target" || retry_clean "$target" || {
    explain_build_failure
    return 1
  }
  for stamp in "${stamps[@]}"; do mv "$BUILD_STATE/$stamp.next" "$BUILD_STATE/$stamp.stamp"; done
}

# Output to standard error. No process stays: no node reuse, no MSBuild server, and the compiler server, which halves the time of
# a whole build, is this build's own and ends with it. Without profiles for its own second compilation it takes a quarter less.
dotnet_build() {
  local status=0 verbosity=quiet compiler=(-p:UseSharedCompilation=false) had_trap
  [[ -f $APP_DLL ]] || verbosity=minimal # a first build takes minutes: show where it is
  touch "$BUILD_STATE/unfinished"
  had_trap=$(trap -p EXIT)
  if command -v pkill >/dev/null 2>&1; then
    COMPILER_PIPE=metering-$$-$RANDOM
    compiler=(-p:UseSharedCompilation=true "-p:SharedCompilationId=$COMPILER_PIPE")
    [[ -n $had_trap ]] || trap stop_compiler EXIT
  fi
  run_child env DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_CLI_USE_MSBUILD_SERVER=0 MSBUILDDISABLENODEREUSE=1 DOTNET_TieredPGO=0 \
    dotnet build "$ROOT/$1" --configuration Release --nologo --tl:off -v "$verbosity" \
    -nodeReuse:false "${compiler[@]}" "-flp:LogFile=$BUILD_STATE/errors.log;ErrorsOnly" >&2 || status=$?
  stop_compiler
  [[ -n $had_trap ]] || trap - EXIT
  # A compiler that was killed leaves a torn file that looks newer than its inputs; one that failed does not.
  ((status > 128)) || rm -f "$BUILD_STATE/unfinished"
  return "$status"
}

stop_compiler() {
  [[ -z ${COMPILER_PIPE-} ]] || pkill -f -- "-pipename:$COMPILER_PIPE" || true
  COMPILER_PIPE=''
}

# Torn or half-deleted obj folders fail in ways that are nobody's source error: once more, from nothing.
retry_clean() {
  grep -q ': error ' "$BUILD_STATE/errors.log" 2>/dev/null || return 1
  grep ': error ' "$BUILD_STATE/errors.log" | grep -qvE ': error (CS|CA|MA|RS|IDE|NU|xUnit|CSC)[0-9]*|^$' ||
    grep -qE 'error (CS0006|CS0009|CS2001|CS2012)' "$BUILD_STATE/errors.log" || return 1
  say "the build's own files look damaged; building anew"
  remove_outputs
  dotnet_build "$1"
}

remove_outputs() {
  rm -rf "$ROOT"/src/*/obj "$ROOT"/src/*/bin/Release "$ROOT"/tests/*/obj "$ROOT"/tests/*/bin/Release
  rm -f "$BUILD_STATE/unfinished"
}

explain_build_failure() {
  if grep -qE 'error NU1(101|102|103|301)' "$BUILD_STATE/errors.log" 2>/dev/null; then
    say "A NuGet package could not be restored: check the connection to your package source ('dotnet nuget list source')."
  fi
  say "The build failed; its errors are above and in ${BUILD_STATE#"$ROOT"/}/errors.log."
}
