# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Boots a kernel and runs a command in it: builds the programs of scripts/vm, and
# executes the one for the host.

# Sets VM_HOST, VM_INIT and VM_BOOT.
build_vm_programs() {
	local hash dir source=$PROJECT/scripts/vm
	hash=$(cd "$source" && printf '%s\0' ./*.h ./*/*.[ch] | hash_of)
	dir=$CACHE/vm/$hash
	VM_HOST=$dir/host
	VM_INIT=$dir/init
	VM_BOOT=$dir/boot
	[[ -x $VM_HOST && -x $VM_INIT && -x $VM_BOOT ]] && return

	need gcc gcc
	need libc6-dev /usr/include/stdio.h
	install_missing "boot a kernel"
	mkdir -p "$dir"
	compile_program "$VM_HOST" "$source"/host/*.c
	compile_program "$VM_INIT" "$source"/guest/*.c
	compile_program "$VM_BOOT" -static "$source"/boot/*.c
}

compile_program() {
	local program=$1
	shift
	gcc -O2 -Wall -Wextra -Werror -pthread "$@" -o "$program.$$" >&2 ||
		die "cannot build $program"
	mv "$program.$$" "$program"
}

# Prints a directory for the file with the VM's memory.  The VM executes programs
# from this file, and the file grows to the size of the memory.
find_memory_dir() {
	local size=$1 dir wanted
	wanted=$(numfmt --from=iec "$size" 2>/dev/null) ||
		die "TASKDIAG_MEMORY=$size is not a size such as 2G"
	for dir in /dev/shm "${TMPDIR:-/tmp}" /tmp "$CACHE"; do
		if has_space "$dir" "$wanted" && runs_programs "$dir"; then
			printf %s "$dir"
			return
		fi
	done
	die "not enough space for the memory of the VM ($size) in /dev/shm," \
		"${TMPDIR:-/tmp} and $CACHE; set a smaller TASKDIAG_MEMORY"
}

has_space() {
	local free
	[[ -w $1 ]] || return
	free=$(df --output=avail -B1 "$1" | tail -n 1)
	((free >= $2))
}

runs_programs() {
	! findmnt -n -o OPTIONS -T "$1" | grep -qw noexec
}

# Unsets variables that refer to files and services that the VM does not have.
forget_host_variables() {
	unset TMPDIR TEMP TMP XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS \
		DISPLAY WAYLAND_DISPLAY XAUTHORITY SSH_AUTH_SOCK SUDO_ASKPASS
	export USER=root LOGNAME=root
}

# Options of the VM if it is not User-Mode Linux.
VM_OPTIONS=()

# enter_vm KERNEL LOG DIRECTORY-WITH-PROGRAMS COMMAND...: executes the program for
# the host instead of this script.  LOG may be empty.
enter_vm() {
	local kernel=$1 log=$2 programs=$3 dir=$PWD options
	shift 3
	mkdir -p "$CACHE/state"
	if [[ $dir != "$PROJECT" && $dir != "$PROJECT"/* ]]; then
		dir=$PROJECT
	fi
	options=(
		"${VM_OPTIONS[@]}"
		--kernel "$kernel"
		--init "$VM_INIT"
		--memory "${TASKDIAG_MEMORY:-2G}"
		--memory-dir "$(find_memory_dir "${TASKDIAG_MEMORY:-2G}")"
		--state-dir "$CACHE/state"
		--programs "$programs"
		--writable "$PROJECT"
		--directory "$dir"
	)
	# The directory above the programs contains tests, which the VM runs as well.
	for dir in "$(dirname "$programs")" "$CACHE"; do
		if [[ -d $dir && $dir/ != "$PROJECT"/* ]]; then
			options+=(--visible "$dir")
		fi
	done
	if [[ -n $log ]]; then
		options+=(--log "$log")
	fi
	forget_host_variables
	exec "$VM_HOST" "${options[@]}" -- "$@"
}
