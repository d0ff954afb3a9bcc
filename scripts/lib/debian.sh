# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Packages of Debian's releases that have the supported kernels, from the mirror of
# /etc/apt.  The package lists are in the cache: /etc/apt and the lists of this host
# stay unchanged, and nothing is installed.
#
# Depends on common.sh; callers hold the lock of the cache.

# 6.1, 6.12, and the kernels after it.  Their keys are in debian-archive-keyring.
DEBIAN_SUITES=(bookworm trixie trixie-backports)

debian_mirror() {
	local mirror
	# shellcheck disable=SC2016 # apt-get expands it
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
		grep -m 1 -E '/debian/?$' || true)
	printf %s "${mirror:-http://deb.debian.org/debian}"
}

# Sets DEBIAN_APT, options of apt-get and apt-cache.
prepare_debian_apt() {
	local dir=$CACHE/debian suite
	command -v apt-get >/dev/null || die "cannot fetch packages of Debian: apt-get is missing"
	mkdir -p "$dir/lists/partial" "$dir/archives/partial"
	touch "$dir/status"
	for suite in "${DEBIAN_SUITES[@]}"; do
		printf 'deb [signed-by=%s] %s %s main\n' \
			/usr/share/keyrings/debian-archive-keyring.gpg "$(debian_mirror)" "$suite"
	done >"$dir/sources.list"
	# As root, apt-get would download as the user _apt, which cannot write here.
	DEBIAN_APT=(-q -o APT::Sandbox::User="$(id -un)" -o APT::Architecture=amd64
		-o Dir::Etc::SourceList="$dir/sources.list" -o Dir::Etc::SourceParts=/dev/null
		-o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null
		-o Dir::State="$dir" -o Dir::State::Lists="$dir/lists"
		-o Dir::State::Status="$dir/status" -o Dir::Cache="$dir"
		-o Dir::Cache::Archives="$dir/archives" -o Acquire::Languages=none
		-o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false)
}

update_debian_lists() {
	say "fetching package lists of Debian: ${DEBIAN_SUITES[*]}"
	apt-get "${DEBIAN_APT[@]}" --error-on=any update >&2 </dev/null ||
		die "cannot fetch the package lists of ${DEBIAN_SUITES[*]}"
}

# newest_debian_package PATTERN: prints the package of the newest version.
newest_debian_package() {
	apt-cache "${DEBIAN_APT[@]}" search --names-only "^$1\$" | awk '{ print $1 }' |
		sort -V | tail -n 1
}

# unpack_debian_packages DIRECTORY PACKAGE...: a PACKAGE may end in /SUITE.
unpack_debian_packages() {
	local dir=$1 package
	shift
	mkdir -p "$dir"
	(cd "$dir" && apt-get "${DEBIAN_APT[@]}" download "$@" >&2 </dev/null) || return
	for package in "$dir"/*.deb; do
		dpkg-deb -x "$package" "$dir" || return
		rm "$package"
	done
}

# fetch_debian DIRECTORY COMMAND...: has COMMAND fetch packages into DIRECTORY, once,
# and a second time with new package lists if that fails.
fetch_debian() {
	local dir=$1
	shift
	[[ -f $dir/complete ]] && return
	prepare_debian_apt
	rm -rf "$dir"
	if ! "$@" "$dir"; then
		update_debian_lists
		rm -rf "$dir"
		"$@" "$dir" || die "cannot fetch packages into $dir"
	fi
	touch "$dir/complete"
}
