# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Installing what is missing.  Knows Debian's package manager and nothing of
# what the packages are for.

# need PACKAGE PROOF...: remembers the package if one of the proofs is missing.
# A proof is a command, or, with a slash in it, a file.
MISSING=()
need() {
	local package=$1 proof
	shift
	for proof in "$@"; do
		if [[ $proof == */* ]]; then
			[[ -e $proof ]] && continue
		else
			command -v "$proof" >/dev/null && continue
		fi
		MISSING+=("$package")
		return
	done
}

need_python_module() {
	/usr/bin/python3 -c "import $2" 2>/dev/null || MISSING+=("$1")
}

as_root() {
	if ((EUID == 0)); then
		"$@"
	else
		sudo "$@"
	fi
}

# Installs what need() remembered, if anything.  install_missing PURPOSE
install_missing() {
	((${#MISSING[@]})) || return 0
	local packages=("${MISSING[@]}")
	MISSING=()
	if ! command -v apt-get >/dev/null; then
		die "to $1, install what Debian calls: ${packages[*]}"
	fi
	if ((EUID != 0)) && ! { command -v sudo >/dev/null && may_sudo; }; then
		die "to $1, ask an administrator for: apt-get install ${packages[*]}"
	fi
	say "installing what it takes to $1: ${packages[*]}"
	local log
	log=$(mktemp)
	# The lists may be missing or old; where they are not, that saves a while.
	if ! apt_get_install "${packages[@]}" >"$log" 2>&1 &&
		! { apt_get update && apt_get_install "${packages[@]}"; } >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		die "apt-get could not install ${packages[*]}; its whole output is in $log"
	fi
	rm -f "$log"
}

# Where nobody can type a password, sudo must not ask for one.
may_sudo() {
	sudo -n true 2>/dev/null || [[ -t 0 && -t 2 ]]
}

apt_get() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" </dev/null
}

apt_get_install() {
	apt_get install --yes --no-install-recommends "$@"
}
