# Installs what is missing of scripts/packages.txt. Read by ./dev; uses say() and die() from there.

# Prints the packages of the groups named.
packages_of() {
  awk -v wanted=" $* " '
    { sub(/#.*/, ""); gsub(/[ \t]+/, "") }
    /^\[.*\]$/ { group = substr($0, 2, length($0) - 2); next }
    $0 != "" && index(wanted, " " group " ") { print }' "$root/scripts/packages.txt"
}

groups_known() {
  sed -n 's/^\[\(.*\)\]$/\1/p' "$root/scripts/packages.txt"
}

# True on Debian 12; says what this is otherwise.
is_debian_12() {
  system=$(. /etc/os-release 2>/dev/null && printf '%s' "${PRETTY_NAME:-}") || system=
  : "${system:=$(uname -s)}"
  (. /etc/os-release 2>/dev/null && [[ ${ID:-} == debian && ${VERSION_ID:-} == 12 ]])
}

# setup GROUP...: makes sure that the packages of these groups are installed.
setup() {
  local group system by_hand known
  known=$(groups_known | xargs)
  for group in "$@"; do
    [[ " $known " == *" $group "* ]] || die "setup: there is no group '$group'; there are: $known"
  done
  if [[ -n ${FL_SKIP_SETUP:-} ]]; then
    say "setup: left out, as FL_SKIP_SETUP is set"
    return
  fi

  local -a wanted missing=()
  mapfile -t wanted < <(packages_of "$@")
  by_hand="Install by hand what these packages hold, then run again with FL_SKIP_SETUP=1:
  ${wanted[*]}"
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    is_debian_12 || true
    die "setup: '$system' has no apt-get, so nothing can be installed here. $by_hand"
  fi

  local package state
  for package in "${wanted[@]}"; do
    state=$(dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | head -n 1) || true
    [[ $state == installed ]] || missing+=("$package")
  done
  if ((${#missing[@]} == 0)); then
    say "setup: all ${#wanted[@]} packages are there ($*)"
    return
  fi

  is_debian_12 ||
    say "setup: this is '$system'; the names are those of Debian 12 and may differ here"
  local -a as_root=()
  if [[ $(id -u) != 0 ]]; then
    command -v sudo >/dev/null ||
      die "setup: needs root to install packages and there is no sudo. As root, run:
  apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "setup: installing ${#missing[@]} of ${#wanted[@]} packages with ${as_root[*]:+sudo }apt-get:"
  printf '%s\n' "  ${missing[*]}"
  as_root+=(env DEBIAN_FRONTEND=noninteractive apt-get -o Dpkg::Use-Pty=0)
  "${as_root[@]}" update </dev/null ||
    say "setup: apt-get update failed; trying with the package lists that are here"
  "${as_root[@]}" install -y --no-install-recommends "${missing[@]}" </dev/null ||
    die "setup: apt-get could not install: ${missing[*]}
Its own words are above. Check the network and /etc/apt/sources.list. $by_hand"
  say "setup: done"
}
