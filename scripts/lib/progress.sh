# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs a long command: its output goes to a log, its progress is shown, and a
# failure prints the end and the path of the log.

shopt -s extglob

# Reads a log from standard input and shows its progress: the last line, in place,
# on a terminal; otherwise the number of lines every 20 seconds.
show_progress() {
	local what=$1 line count=0 shown=$SECONDS begun=$SECONDS width
	width=$(tput cols 2>/dev/null || echo 80)
	while IFS= read -r line; do
		count=$((count + 1))
		if [[ -t 2 ]]; then
			line="$what: $count steps, $((SECONDS - begun)) s:${line//+([[:space:]])/ }"
			printf '\r\e[K%s' "${line:0:width-1}" >&2
		elif ((SECONDS - shown >= 20)); then
			shown=$SECONDS
			say "$what: $count steps, $((SECONDS - begun)) s"
		fi
	done
	if [[ -t 2 ]]; then
		printf '\r\e[K' >&2
	fi
}

# with_progress WHAT LOG COMMAND...
with_progress() {
	local what=$1 log=$2 begun=$SECONDS
	shift 2
	if ! "$@" 2>&1 </dev/null | tee "$log" | show_progress "$what"; then
		grep -n -i -m 5 -E '(error|\*\*\*)' "$log" >&2 || true
		tail -n 25 "$log" >&2
		die "$what failed; complete output: $log"
	fi
	if ((SECONDS - begun >= 2)); then
		say "$what: done in $((SECONDS - begun)) s"
	fi
}
