# Fetches the ClickHouse engine that chdb.pin names. Sourced by `metering`; the image's build runs it too.
#
# The library is in the cache only under its final name with a seal beside it (size, time, SHA-512), both put
# there by a rename after the download's integrity was checked: what is half done is never taken for whole.

# Leaves METERING_LIBCHDB naming a whole library, or fails after a sentence that says what to do.
ensure_engine() {
  use_named_engine && return 0
  read_pin
  is_sealed || with_lock engine fetch_engine || return 1
  export METERING_LIBCHDB=$ENGINE_FILE
}

# For commands that can do without it.
use_cached_engine() {
  use_named_engine && return 0
  read_pin
  if is_sealed; then export METERING_LIBCHDB=$ENGINE_FILE; fi
}

use_named_engine() {
  [[ -n ${METERING_LIBCHDB-} ]] || return 1
  [[ -f $METERING_LIBCHDB ]] || die "METERING_LIBCHDB names '$METERING_LIBCHDB', which is not a file."
}

read_pin() {
  local platform name package file integrity
  case $(uname -s)-$(uname -m) in
    Linux-x86_64) platform=linux-x64 ;;
    Linux-aarch64 | Linux-arm64) platform=linux-arm64 ;;
    Darwin-arm64) platform=darwin-arm64 ;;
    Darwin-x86_64) platform=darwin-x64 ;;
    *) platform=none ;;
  esac
  ENGINE_PACKAGE=
  while read -r name package file integrity; do
    case $name in
      version) ENGINE_VERSION=$package ;;
      "$platform") ENGINE_PACKAGE=$package ENGINE_NAME=$file ENGINE_INTEGRITY=$integrity ;;
    esac
  done <"$ROOT/infra/native/chdb.pin"
  ENGINE_FOLDER=$CACHE/native/chdb-$ENGINE_VERSION
  ENGINE_FILE=$ENGINE_FOLDER/${ENGINE_NAME-}
  ENGINE_SEAL=$ENGINE_FILE.seal
}

# Cheap enough for every start: a library that was cut or written to since differs in size or time.
is_sealed() {
  local size time hash
  [[ -n $ENGINE_PACKAGE && -f $ENGINE_FILE && -f $ENGINE_SEAL ]] || return 1
  read -r size time hash <"$ENGINE_SEAL" || return 1
  [[ "$size $time" == "$(size_and_time "$ENGINE_FILE")" ]]
}

size_and_time() { stat -c '%s %Y' "$1" 2>/dev/null || stat -f '%z %m' "$1"; }

fetch_engine() {
  ! is_sealed || return 0 # by the command that held the lock before us
  [[ -n $ENGINE_PACKAGE ]] || {
    say "There is no ClickHouse engine for $(uname -s) on $(uname -m): use a server with --clickhouse URL."
    return 1
  }
  need node "Node.js" "it comes with npm; install both, or name a copy of the engine with METERING_LIBCHDB"
  if [[ -f $ENGINE_FILE && -f $ENGINE_SEAL ]]; then
    local size time hash
    read -r size time hash <"$ENGINE_SEAL" || true
    if [[ -n ${hash-} && $(sha512 "$ENGINE_FILE") == "$hash" ]]; then
      seal "$ENGINE_FILE" "$hash" # copied with another time, but whole
      return 0
    fi
    say "the cached ClickHouse engine was changed since it was fetched; fetching it again"
  fi
  need npm "npm" "it says where the ClickHouse engine's package is; install it, or name a copy of the engine with METERING_LIBCHDB"
  need curl "curl" "install it with your distribution's packages"
  need tar "tar" "install it with your distribution's packages"
  local archive=$CACHE/native/chdb-$ENGINE_VERSION-${ENGINE_PACKAGE##*/}.tgz.part
  mkdir -p "$CACHE/native"
  rm -rf "$CACHE/native"/unpack.*
  download "$archive" && unpack "$archive"
}

download() {
  local archive=$1 url try resumed
  url=$(ask_registry dist.tarball) || return 1
  [[ $ENGINE_INTEGRITY != registry ]] || {
    ENGINE_INTEGRITY=$(ask_registry dist.integrity) || return 1
    say "$ENGINE_PACKAGE is not pinned by hash here and untested: its integrity is the registry's own"
  }
  say "fetching the ClickHouse engine, $ENGINE_PACKAGE $ENGINE_VERSION (about 180 MB, once)"
  if [[ -s $archive ]]; then
    say "$(($(wc -c <"$archive") / 1000000)) MB of it are here from a start that was broken off"
    [[ "$(sha512 "$archive")" != "$ENGINE_INTEGRITY" ]] || return 0
  fi
  for try in 1 2 3 4 5; do
    resumed=
    [[ ! -s $archive ]] || resumed=1
    run_curl "$url" "$archive"
    # The hash decides, not curl: it calls it an error when nothing is left to fetch.
    [[ ! -s $archive || "$(sha512 "$archive")" != "$ENGINE_INTEGRITY" ]] || return 0
    if is_whole_but_wrong; then
      rm -f "$archive"
      if [[ -z $resumed ]]; then
        say "The ClickHouse engine's download does not match its integrity hash (infra/native/chdb.pin) and was thrown away: a proxy may have altered it, or the registry serves another package."
        return 1
      fi
      say "the resumed download does not match its integrity hash; starting it from the beginning"
    else
      ((try == 5)) || sleep "$try" # what has come stays: the next try goes on behind it
    fi
  done
  cannot_fetch "the download broke off (curl's exit code $CURL_STATUS; what has come is kept, the next start goes on there)"
}

# curl got to the end, or the server says that there is nothing behind what we have, or cannot resume (33, 36).
is_whole_but_wrong() {
  ((CURL_STATUS == 0 || CURL_STATUS == 33 || CURL_STATUS == 36)) || [[ $HTTP_STATUS == 416 ]]
}

ask_registry() {
  local answer
  answer=$(npm view "$ENGINE_PACKAGE@$ENGINE_VERSION" "$1" --loglevel=error 2>"$CACHE/native/npm.log") && [[ -n $answer ]] && {
    printf '%s\n' "$answer"
    return 0
  }
  if grep -q 'E404' "$CACHE/native/npm.log"; then
    cannot_fetch "the npm registry in use does not have $ENGINE_PACKAGE $ENGINE_VERSION"
  else
    cannot_fetch "the npm registry cannot be reached ('npm ping' tests it; npm's own words are in ${CACHE#"$ROOT"/}/native/npm.log)"
  fi
}

cannot_fetch() {
  say "The ClickHouse engine could not be fetched: $1. Run again when that is mended, name a copy with METERING_LIBCHDB=/path/to/libchdb.so, or use a server with --clickhouse URL."
  return 1
}

run_curl() {
  local progress=--progress-bar
  [[ -t 2 ]] || progress=-sS
  CURL_STATUS=0
  run_child curl "$progress" --fail --location --connect-timeout 20 --speed-limit 1024 --speed-time 60 \
    --continue-at - --write-out '%{http_code}' --output "$2" "$1" >"$2.status" || CURL_STATUS=$?
  HTTP_STATUS=$(<"$2.status")
  rm -f "$2.status"
}

sha512() {
  node -e 'const h=require("crypto").createHash("sha512");require("fs").createReadStream(process.argv[1]).on("data",d=>h.update(d)).on("end",()=>console.log("sha512-"+h.digest("base64")))' "$1"
}

unpack() {
  local folder
  folder=$(mktemp -d "$CACHE/native/unpack.XXXXXX")
  say "unpacking it"
  run_child tar -xzf "$1" -C "$folder" "package/$ENGINE_NAME" || {
    rm -rf "$folder"
    say "The ClickHouse engine could not be unpacked into ${CACHE#"$ROOT"/}/native: it takes 570 MB; is the disk full?"
    return 1
  }
  mkdir -p "$ENGINE_FOLDER"
  rm -f "$ENGINE_SEAL"
  mv -f "$folder/package/$ENGINE_NAME" "$ENGINE_FILE"
  seal "$ENGINE_FILE" "$(sha512 "$ENGINE_FILE")"
  rm -rf "$folder" "$1"
}

seal() {
  printf '%s %s\n' "$(size_and_time "$1")" "$2" >"$1.seal.new"
  mv -f "$1.seal.new" "$1.seal"
}
