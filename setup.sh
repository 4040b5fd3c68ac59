#!/usr/bin/env bash
# Sets everything up and runs the demo or the tests. See ./setup.sh --help.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$root"
. bin/environment.sh

# The release that is fetched when no SDK is there.
TORNADO_RELEASE=5.2.0-jdk25

usage() {
  cat <<'TXT'
usage: ./setup.sh COMMAND [OPTION…]
  demo    set everything up, then generate text with the demo model and its adapters
  test    set everything up, then run every test
  build   set everything up and build; bin/chunkwise runs the result
options
  --no-tornado      leave a TornadoVM SDK that is there aside: CPU executor only
  --offline         fetch nothing
  --backend NAME    of the TornadoVM release to fetch: opencl (default), ptx, or full
TXT
}

say() { printf '%-10s %s\n' "$1:" "$2"; }
fail() { echo "setup.sh: $1" >&2; exit 1; }

command=
offline=false tornado=true backend=opencl
while [ $# -gt 0 ]; do
  case $1 in
    demo|test|build) [ -z "$command" ] || fail "one command, please: '$command' or '$1'"; command=$1 ;;
    --no-tornado) tornado=false ;;
    --offline) offline=true ;;
    --backend) [ $# -gt 1 ] || fail "--backend takes a name: opencl, ptx or full"; backend=$2; shift ;;
    -h|--help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done
[ -n "$command" ] || { usage >&2; exit 2; }
case $backend in opencl|ptx|full) ;; *) fail "--backend $backend: expected opencl, ptx or full" ;; esac

is_root() { [ "$(id -u)" = 0 ]; }

# Installs Debian packages if that can be done without a question. Costs seconds where the mirrors can't be reached.
apt_install() {
  is_root && ! $offline && command -v apt-get >/dev/null || return 1
  local options=(-qq -o Acquire::Retries=0 -o Acquire::http::Timeout=8 -o Acquire::https::Timeout=8)
  export DEBIAN_FRONTEND=noninteractive
  apt-get "${options[@]}" -y --no-install-recommends install "$@" >/dev/null 2>&1 && return 0
  apt-get "${options[@]}" update >/dev/null 2>&1 || true
  apt-get "${options[@]}" -y --no-install-recommends install "$@" >/dev/null 2>&1
}

setup_jdk() {
  local jdk
  if ! jdk=$(find_jdk); then
    apt_install openjdk-25-jdk-headless && jdk=$(find_jdk) \
      || fail "no JDK 25 found. Install one (apt-get install openjdk-25-jdk, or sdk install java 25-tem) or set JAVA_HOME to it"
  fi
  export JAVA_HOME=$jdk
  say JDK "$JAVA_HOME ($(sed -n 's/^JAVA_VERSION="\(.*\)"/\1/p' "$JAVA_HOME/release"))"
}

setup_maven() {
  command -v mvn >/dev/null || apt_install maven || fail "no Maven found. Install it: apt-get install maven"
  # Maven 3's own libraries make JDK 25 print warnings that are not ours.
  export MAVEN_OPTS="${MAVEN_OPTS:-} --sun-misc-unsafe-memory-access=allow --enable-native-access=ALL-UNNAMED"
  say Maven "$(command -v mvn)"
}

has_opencl_platform() {
  ls /etc/OpenCL/vendors/*.icd >/dev/null 2>&1 || [ -n "${OCL_ICD_VENDORS:-}" ] || [ "$(uname)" = Darwin ]
}

setup_opencl() {
  if has_opencl_platform; then
    say OpenCL "$(ls "${OCL_ICD_VENDORS:-/etc/OpenCL/vendors}" 2>/dev/null | sed 's/\.icd$//' | paste -sd' ' -)"
  elif apt_install pocl-opencl-icd ocl-icd-libopencl1; then
    say OpenCL "installed PoCL (a CPU device)"
  else
    say OpenCL "no platform found; for one on the CPU: apt-get install pocl-opencl-icd ocl-icd-libopencl1"
  fi
}

# The official release archive for this system, unpacked below ~/.chunkwise.
fetch_tornado_sdk() {
  local system archive url folder
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) system=linux-amd64 ;;
    Darwin-arm64) system=mac-aarch64 ;;
    *) return 1 ;;
  esac
  archive=tornadovm-$TORNADO_RELEASE-$backend-$system.zip
  url=https://github.com/beehive-lab/TornadoVM/releases/download/v$TORNADO_RELEASE/$archive
  folder=$HOME/.chunkwise/$(basename "$archive" .zip)
  command -v curl >/dev/null && command -v unzip >/dev/null || apt_install curl unzip ca-certificates || return 1
  mkdir -p "$HOME/.chunkwise"
  curl -fsSL --connect-timeout 5 --speed-limit 1000 --speed-time 15 -o "$folder.part" "$url" 2>/dev/null || { rm -f "$folder.part"; return 1; }
  rm -rf "$folder.unpack" && mkdir "$folder.unpack" && unzip -q "$folder.part" -d "$folder.unpack" || return 1
  rm -rf "$folder" && mv "$folder.unpack"/* "$folder"
  rm -rf "$folder.unpack" "$folder.part"
  is_tornado_sdk "$folder"
}

sdk=
why_no_sdk=
setup_tornado() {
  if ! $tornado; then
    why_no_sdk="left aside (--no-tornado)"
  elif sdk=$(find_tornado_sdk); then
    :
  elif $offline; then
    why_no_sdk="no SDK found, and nothing is fetched (--offline)"
  elif fetch_tornado_sdk && sdk=$(find_tornado_sdk); then
    :
  else
    sdk=
    why_no_sdk="no SDK found and release $TORNADO_RELEASE could not be fetched"
  fi
  if [ -z "$sdk" ]; then
    say TornadoVM "$why_no_sdk; going on with the CPU executor"
    unset TORNADOVM_HOME
    return
  fi
  export TORNADOVM_HOME=$sdk
  say TornadoVM "$sdk ($(tornado_version "$sdk"), backends: $(sed -n 's/^ *tornado\.backends *= *//p' "$sdk/etc/tornado.backend"))"
}

maven_flags=()
prepare_maven() {
  maven_flags=(-B -ntp -Dstyle.color=never)
  if $offline; then maven_flags+=(-o); fi
  [ -n "$sdk" ] || return 0
  local version jar
  version=$(tornado_version "$sdk")
  jar=$sdk/share/java/tornado/tornado-api-$version.jar
  # The SDK's own jar under the SDK's own version, with a POM that drags nothing in: it compiles against java.base alone.
  local installed
  installed=$(mvn "${maven_flags[@]}" -q help:evaluate -Dexpression=settings.localRepository -DforceStdout 2>/dev/null || true)
  [ -d "$installed" ] || installed=$HOME/.m2/repository
  local target=$installed/io/github/beehive-lab/tornado-api/$version
  if ! cmp -s "$jar" "$target/tornado-api-$version.jar" || ! [ -f "$target/tornado-api-$version.pom" ] || grep -q '<parent>' "$target/tornado-api-$version.pom"; then
    mvn "${maven_flags[@]}" -q org.apache.maven.plugins:maven-install-plugin:3.1.4:install-file "-Dfile=$jar" \
      -DgroupId=io.github.beehive-lab -DartifactId=tornado-api "-Dversion=$version" -Dpackaging=jar -DgeneratePom=true
  fi
  mkdir -p target
  bin/tornado-argfile "$sdk" "$JAVA_HOME" > target/tornado-argfile
  maven_flags+=("-Dtornado.version=$version" "-Dtornado.argfile=$root/target/tornado-argfile")
}

# Options for Maven may follow.
build() {
  say build "mvn package, without tests"
  # tornado-tasks of an earlier build with an SDK must not stay beside a build without one.
  rm -rf runner/target/lib runner/target/tornado-argfile*
  mvn "${maven_flags[@]}" -q -DskipTests "$@" package
}

run_tests() {
  say test "mvn package, every test"
  rm -rf runner/target/lib runner/target/tornado-argfile* ./*/target/surefire-reports ./*/target/device-test-reports
  local result=0
  mvn "${maven_flags[@]}" package || result=$?
  report surefire-reports "tests"
  if [ -n "$sdk" ]; then
    report device-test-reports "device tests (TornadoVM)"
  else
    echo "device tests (TornadoVM): left out: $why_no_sdk"
  fi
  return $result
}

# Sums up the test reports in the folders named $1.
report() {
  find . -path "*/target/$1/TEST-*.xml" -exec grep -hm1 '<testsuite ' {} + 2>/dev/null | awk -v what="$2" '
    function value(name) { return match($0, " " name "=\"[0-9]+\"") ? substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 4) + 0 : 0 }
    { run += value("tests"); failed += value("failures") + value("errors"); skipped += value("skipped") }
    END { printf "%s: %d run, %d failed, %d skipped\n", what, run, failed, skipped }'
}

demo() {
  example --prompt "Once upon a time"
  example --adapter demo/adapter-shakespeare --prompt $'ROMEO:\n'
  example --adapter demo/adapter-quiz --prompt "Q: What"
  # Chunks with rungs of their own, and another adapter in the middle of the text.
  example --adapter demo/adapter-shakespeare --adapter quiz=demo/adapter-quiz@60 --policy adaptive --trace --prompt $'ROMEO:\n'
}

example() {
  local arguments=(generate --model demo/model "$@" --max-tokens 80 --temperature 0.6 --seed 5 --echo)
  printf '\n$ bin/chunkwise%s\n' "$(printf ' %q' "${arguments[@]}")"
  bin/chunkwise "${arguments[@]}"
}

setup_jdk
setup_maven
setup_opencl
setup_tornado
prepare_maven
case $command in
  build) build; say ready "bin/chunkwise --help" ;;
  demo) build -pl '!spark'; demo ;; # 130 MB less to fetch
  test) run_tests ;;
esac
