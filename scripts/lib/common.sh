# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Common functions of the scripts: the directory of the project, its cache, and
# messages.  Messages go to standard error; standard output belongs to the command
# that a script runs.

unset CDPATH

# Used by the other files of this directory and by the scripts.
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

# Exits with status 2: a wrong call, as opposed to a failure.
usage_error() {
	say "$1"
	printf 'Try: %s --help\n' "$SCRIPT" >&2
	exit 2
}

# Prints the leading comment of the calling script: from its second paragraph to
# the first line that is not a comment.
print_help() {
	sed -n '3,/^[^#]\|^$/ { s/^# \{0,1\}//p; }' "$0" | sed '1{/^$/d}'
}

# Returns whether a path can be used for a build of the kernel, which does not
# permit spaces and colons, and on the command line of the kernel.
is_plain_path() {
	[[ $1 =~ ^/[A-Za-z0-9._/@+-]*$ ]]
}

# Creates and prints a private directory, for a cache without a plain path.
substitute_for() {
	local dir
	dir=/var/tmp/taskdiag-$UID-$(printf %s "$1" | sha256sum | cut -c1-8)
	mkdir -m 700 "$dir" 2>/dev/null || true
	[[ -d $dir && ! -L $dir && -O $dir ]] ||
		die "$dir belongs to another user; rename or remove it"
	ln -sfn "$dir" "$1/elsewhere"
	printf %s "$dir"
}

# Prints the directory for all files that can be made again.
find_cache() {
	local home=${XDG_CACHE_HOME:-${HOME:?is not set}/.cache}/taskdiag
	[[ $home == /* ]] || home=$PWD/$home
	mkdir -p "$home"
	if is_plain_path "$home"; then
		printf %s "$home"
	else
		substitute_for "$home"
	fi
}

# Waits until no other script changes the cache.  Descriptor 9 holds the lock until
# unlock_cache or the end of the script.
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

# hash_of WORD...: prints a hash of the words, and of the names and contents of the
# files that standard input lists, each terminated by NUL.
hash_of() {
	{
		printf '%s\0' "$@"
		xargs -0 -r sha256sum --
	} | sha256sum | cut -c1-16
}
