# Where the tools are: sourced by setup.sh and bin/chunkwise, so that both find the same ones.

# Prints the home of a JDK 25, or with "java" also of a bare runtime: JAVA_HOME if it is one, else the usual places.
find_jdk() {
  local candidate tool=${1:-javac}
  for candidate in "${JAVA_HOME:-}" /usr/lib/jvm/*25* /usr/lib/jvm/* "${HOME:-}"/.sdkman/candidates/java/25* \
      "${HOME:-}"/.sdkman/candidates/java/current /opt/jdk-25* /Library/Java/JavaVirtualMachines/*25*/Contents/Home; do
    if [ -x "$candidate/bin/$tool" ] && grep -qs '^JAVA_VERSION="25' "$candidate/release"; then
      printf '%s\n' "$candidate"
      return 0
    fi
  done
  return 1
}

# Prints the home of a TornadoVM SDK: TORNADOVM_HOME, SDKMAN's place, then what setup.sh unpacked.
find_tornado_sdk() {
  local candidate
  for candidate in "${TORNADOVM_HOME:-}" "${HOME:-}/.sdkman/candidates/tornadovm/current" "${HOME:-}"/.chunkwise/tornadovm-*-jdk25*; do
    if is_tornado_sdk "$candidate"; then
      printf '%s\n' "$candidate"
      return 0
    fi
  done
  return 1
}

is_tornado_sdk() {
  [ -n "$1" ] && [ -f "$1/etc/tornado.backend" ] && [ -d "$1/etc/exportLists" ] && ls "$1"/share/java/tornado/tornado-api-*.jar >/dev/null 2>&1
}

# Prints the version of the SDK $1, as its tornado-api jar has it.
tornado_version() {
  local jar
  jar=$(ls "$1"/share/java/tornado/tornado-api-*.jar | head -n 1)
  jar=${jar##*/tornado-api-}
  printf '%s\n' "${jar%.jar}"
}

# OpenCL drivers that compile with LLVM put their own handler in place of the JVM's for SIGSEGV, for one signal only. Compiled Java code
# uses that signal for null checks, and two threads at a time killed the process. libjsig keeps the JVM's handler first. $1: the JDK.
chain_signals() {
  local library="$1/lib/libjsig.so"
  if [ -e "$library" ]; then export LD_PRELOAD="$library${LD_PRELOAD:+ $LD_PRELOAD}"; fi
}
