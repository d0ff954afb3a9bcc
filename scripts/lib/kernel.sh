# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Builds a kernel from the tree of tree.sh.
#
# The name of the image contains a hash of all sources, so nothing is built if
# there is an image for these sources.

# Prints the fragments of a configuration, in order, by path in the project.
config_fragments() {
	local version
	version=$(source_version)
	echo scripts/kernel/uml.config
	if [[ -f $PROJECT/scripts/kernel/versions/$version.config ]]; then
		echo "scripts/kernel/versions/$version.config"
	fi
	if [[ $1 != uml ]]; then
		echo "scripts/kernel/$1.config"
	fi
}

config_names() {
	(cd "$PROJECT/scripts/kernel" && printf '%s\n' *.config | sed 's/\.config$//' |
		paste -s -d ' ')
}

# Without the variables of a make that the caller may run.
kernel_make() {
	env -u MAKEFLAGS -u KBUILD_OUTPUT -u CROSS_COMPILE -u LLVM \
		make -C "$KERNEL_TREE" ARCH=um O="$KERNEL_BUILD" "$@"
}

# Prints the options of the fragments.  The last line about an option counts.
merge_fragments() {
	(cd "$PROJECT" && config_fragments "$1" | xargs cat) |
		awk 'match($0, /CONFIG_[A-Za-z0-9_]+/) && /^(# )?CONFIG_/ {
			last[substr($0, RSTART, RLENGTH)] = $0
		}
		END { for (option in last) print last[option] }' | sort
}

# Disables all options except those of the fragments.  Fails if the kernel ignores
# a line of a fragment.
configure_kernel() {
	local wanted=$KERNEL_BUILD/wanted.config refused
	mkdir -p "$KERNEL_BUILD"
	merge_fragments "$1" >"$wanted"
	kernel_make -s KCONFIG_ALLCONFIG="$wanted" allnoconfig || return
	refused=$(grep -vxF -f "$KERNEL_BUILD/.config" "$wanted" || true)
	if [[ -n $refused ]]; then
		say "the kernel ignores these lines of scripts/kernel:"
		printf '%s\n' "$refused" >&2
		return 1
	fi
}

compile_kernel() {
	configure_kernel "$1" && kernel_make -j"$(nproc)" linux
}

# Prints a hash of all sources of a configuration.
kernel_hash() {
	cd "$PROJECT" || exit
	{
		find kernel/taskdiag.c kernel/taskdiag kernel/patches include/uapi \
			scripts/kernel/patches -type f ! -name '*.o' ! -name '*.cmd' \
			! -name '*.mod' -print0 | LC_ALL=C sort -z
		config_fragments "$1" | tr '\n' '\0'
	} | hash_of "$KERNEL_ID" "$1" "$(gcc -dumpfullversion 2>/dev/null || true)"
}

# Sets KERNEL_IMAGE to a kernel that is built from the present sources.
build_kernel() {
	local config=$1 hash
	[[ -f $PROJECT/scripts/kernel/$config.config ]] ||
		usage_error "unknown configuration '$config'; one of: $(config_names)"
	[[ $(uname -m) == x86_64 ]] ||
		die "User-Mode Linux runs on x86-64 only, and this host is $(uname -m)"
	find_kernel_source
	hash=$(kernel_hash "$config")
	KERNEL_IMAGE=$CACHE/images/$config-$hash
	[[ -x $KERNEL_IMAGE ]] && return

	need_build_tools
	lock_cache
	sync_kernel_tree
	# The sources may have changed while they were copied.
	while [[ $hash != "$(kernel_hash "$config")" ]]; do
		hash=$(kernel_hash "$config")
		sync_kernel_tree
	done
	KERNEL_IMAGE=$CACHE/images/$config-$hash
	if [[ ! -x $KERNEL_IMAGE ]]; then
		make_kernel "$config"
	fi
	unlock_cache
}

# A kernel with one entry point differs from the one with both by one file.
build_folder() {
	case $1 in
	file | socket) echo "$KERNEL_HOME/build-uml" ;;
	*) echo "$KERNEL_HOME/build-$1" ;;
	esac
}

make_kernel() {
	KERNEL_BUILD=$(build_folder "$1")
	with_progress "building Linux $(kernel_version) ($1)" "$KERNEL_BUILD.log" \
		compile_kernel "$1"
	keep_image
}

# Keeps the last images, so that an earlier state of the sources needs no build.
keep_image() {
	mkdir -p "$CACHE/images"
	cp "$KERNEL_BUILD/linux" "$KERNEL_IMAGE.new"
	mv "$KERNEL_IMAGE.new" "$KERNEL_IMAGE"
	(cd "$CACHE/images" && find . -maxdepth 1 -type f -printf '%T@ %P\n' | sort -rn |
		sed '1,8d; s/^[^ ]* //' | xargs -r rm -f --)
}
