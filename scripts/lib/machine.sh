# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Booting a kernel and running a command in it: builds the programs of
# scripts/machine, and calls the one for the host.

# Sets MACHINE_HOST, MACHINE_INIT and MACHINE_BOOT.
build_machine_programs() {
	local hash folder source=$PROJECT/scripts/machine
	hash=$(cd "$source" && printf '%s\0' ./*.h ./*/*.[ch] | hash_of)
	folder=$CACHE/machine/$hash
	MACHINE_HOST=$folder/host
	MACHINE_INIT=$folder/init
	MACHINE_BOOT=$folder/boot
	[[ -x $MACHINE_HOST && -x $MACHINE_INIT && -x $MACHINE_BOOT ]] && return

	need gcc gcc
	need libc6-dev /usr/include/stdio.h
	install_missing "boot a kernel"
	mkdir -p "$folder"
	compile_program "$MACHINE_HOST" "$source"/host/*.c
	compile_program "$MACHINE_INIT" "$source"/guest/*.c
	compile_program "$MACHINE_BOOT" -static "$source"/boot/*.c
}

compile_program() {
	local program=$1
	shift
	gcc -O2 -Wall -Wextra -Werror -pthread "$@" -o "$program.$$" >&2 ||
		die "cannot build $program"
	mv "$program.$$" "$program"
}

# The machine's memory is a file that programs are run from.  It takes up what
# the machine uses, so a folder must have room for all of it.
find_memory_folder() {
	local size=$1 folder wanted
	wanted=$(numfmt --from=iec "$size" 2>/dev/null) ||
		die "TASKDIAG_MEMORY=$size is no size; one is 2G"
	for folder in /dev/shm "${TMPDIR:-/tmp}" /tmp "$CACHE"; do
		if has_room "$folder" "$wanted" && runs_programs "$folder"; then
			printf %s "$folder"
			return
		fi
	done
	die "there is no room for a machine's memory ($size) in /dev/shm," \
		"${TMPDIR:-/tmp} or $CACHE; try a smaller TASKDIAG_MEMORY"
}

has_room() {
	local free
	[[ -w $1 ]] || return
	free=$(df --output=avail -B1 "$1" | tail -n 1)
	((free >= $2))
}

runs_programs() {
	! findmnt -n -o OPTIONS -T "$1" | grep -qw noexec
}

# Variables that speak of things the machine does not have.
forget_host_variables() {
	unset TMPDIR TEMP TMP XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS \
		DISPLAY WAYLAND_DISPLAY XAUTHORITY SSH_AUTH_SOCK SUDO_ASKPASS
	export USER=root LOGNAME=root
}

# Takes this process's place.  LOG may be empty.  What makes the machine another
# one than User-Mode Linux is in MACHINE_OPTIONS.
MACHINE_OPTIONS=()

# enter_machine KERNEL LOG FOLDER-WITH-PROGRAMS COMMAND...
enter_machine() {
	local kernel=$1 log=$2 programs=$3 folder=$PWD options
	shift 3
	mkdir -p "$CACHE/state"
	if [[ $folder != "$PROJECT" && $folder != "$PROJECT"/* ]]; then
		folder=$PROJECT
	fi
	options=(
		"${MACHINE_OPTIONS[@]}"
		--kernel "$kernel"
		--init "$MACHINE_INIT"
		--memory "${TASKDIAG_MEMORY:-2G}"
		--memory-folder "$(find_memory_folder "${TASKDIAG_MEMORY:-2G}")"
		--state-folder "$CACHE/state"
		--programs "$programs"
		--writable "$PROJECT"
		--folder "$folder"
	)
	# The programs' neighbours are tests, to be run there as well.
	for folder in "$(dirname "$programs")" "$CACHE"; do
		if [[ -d $folder && $folder/ != "$PROJECT"/* ]]; then
			options+=(--visible "$folder")
		fi
	done
	if [[ -n $log ]]; then
		options+=(--log "$log")
	fi
	forget_host_variables
	exec "$MACHINE_HOST" "${options[@]}" -- "$@"
}
