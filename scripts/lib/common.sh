# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What every script here needs: where the project is, where its cache is, and
# how to speak.  All talk goes to standard error; standard output belongs to
# the command that a script runs.

unset CDPATH

# For the other files of this folder and the scripts that read them.
# shellcheck disable=SC2034
PROJECT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
SCRIPT=scripts/$(basename "$0")

say() {
	printf '%s: %s\n' "$SCRIPT" "$*" >&2
}

die() {
	say "$@"
	exit 1
}

# A wrong call, as opposed to a failure.
usage_error() {
	say "$1"
	printf 'Try: %s --help\n' "$SCRIPT" >&2
	exit 2
}

# The leading comment of the calling script is its help: from the second
# comment paragraph on, up to the first line that is no comment.
print_help() {
	sed -n '3,/^[^#]/ { s/^# \{0,1\}//p; }' "$0" | sed '1{/^$/d}'
}

# A kernel cannot be built in a folder whose name holds spaces or colons, and
# its command line has a syntax of its own.
is_plain_path() {
	[[ $1 =~ ^/[A-Za-z0-9._/@+-]*$ ]]
}

# A folder that is ours alone, to stand in for a cache that has no plain path.
stand_in_for() {
	local folder
	folder=/var/tmp/taskdiag-$UID-$(printf %s "$1" | sha256sum | cut -c1-8)
	mkdir -m 700 "$folder" 2>/dev/null || true
	[[ -d $folder && ! -L $folder && -O $folder ]] ||
		die "$folder is somebody else's; please move it out of the way"
	ln -sfn "$folder" "$1/elsewhere"
	printf %s "$folder"
}

# Where everything goes that can be made again.
find_cache() {
	local home=${XDG_CACHE_HOME:-${HOME:?is not set}/.cache}/taskdiag
	[[ $home == /* ]] || home=$PWD/$home
	mkdir -p "$home"
	if is_plain_path "$home"; then
		printf %s "$home"
	else
		stand_in_for "$home"
	fi
}

# One script at a time changes what is in the cache.  The lock is held by
# descriptor 9 until unlock_cache or the end of the script.
lock_cache() {
	exec 9>"$CACHE/lock"
	if ! flock -n 9; then
		say "waiting for another build to finish ..."
		flock 9
	fi
}

unlock_cache() {
	exec 9>&-
}

# A short name for the contents and names of files, and of further words.
# hash_of WORD... < list of files, each ended by NUL
hash_of() {
	{
		printf '%s\0' "$@"
		xargs -0 -r sha256sum --
	} | sha256sum | cut -c1-16
}
