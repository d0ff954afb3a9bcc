# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Installs missing packages.  Depends on Debian's package manager; must not depend
# on the purpose of the packages.

# need PACKAGE PROOF...: adds the package to MISSING if one of the proofs is
# missing.  A proof is a command or, if it contains a slash, a file.
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

# install_missing PURPOSE: installs the packages in MISSING.
install_missing() {
	((${#MISSING[@]})) || return 0
	local packages=("${MISSING[@]}")
	MISSING=()
	if ! command -v apt-get >/dev/null; then
		die "cannot $1: install the packages that Debian calls ${packages[*]}"
	fi
	if ((EUID != 0)) && ! { command -v sudo >/dev/null && may_sudo; }; then
		die "cannot $1: ask an administrator for: apt-get install ${packages[*]}"
	fi
	say "installing packages to $1: ${packages[*]}"
	local log
	log=$(mktemp)
	# Update the package lists only if they are missing or old.
	if ! apt_get_install "${packages[@]}" >"$log" 2>&1 &&
		! { apt_get update && apt_get_install "${packages[@]}"; } >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		die "apt-get could not install ${packages[*]}; complete output: $log"
	fi
	rm -f "$log"
}

# Returns whether sudo works, or can ask for a password on a terminal.
may_sudo() {
	sudo -n true 2>/dev/null || [[ -t 0 && -t 2 ]]
}

apt_get() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" </dev/null
}

apt_get_install() {
	apt_get install --yes --no-install-recommends "$@"
}
