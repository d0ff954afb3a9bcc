# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# From a kernel source and this project's files to a kernel that can be booted.
#
# There is one source tree for each source, kept in the cache: the
# distribution's package, or a copy of KERNEL_SRC.  What this project brings is
# laid over it file by file, and only where the contents differ, so that make
# builds again what has changed and nothing else.  The kernel that comes out is
# kept under the hash of everything that went in: no hash, no build.

KERNEL_PACKAGE=linux-source-6.12
KERNEL_TARBALL=/usr/src/$KERNEL_PACKAGE.tar.xz
if [[ -n ${KERNEL_SRC-} ]]; then
	KERNEL_SRC=$(realpath -m -- "$KERNEL_SRC")
fi

# ------------------------------------------------------------- the source

# Sets KERNEL_ID, a word for the source as it is now, and KERNEL_HOME, the
# folder in the cache for it.
find_kernel_source() {
	local name
	if [[ -n ${KERNEL_SRC-} ]]; then
		[[ -f $KERNEL_SRC/Kbuild && -d $KERNEL_SRC/arch/um ]] ||
			die "KERNEL_SRC=$KERNEL_SRC is not a Linux source tree"
		name=own-$(printf %s "$KERNEL_SRC" | sha256sum | cut -c1-8)
		KERNEL_ID=$(list_own_source | sha256sum | cut -c1-16)
	else
		need "$KERNEL_PACKAGE" "$KERNEL_TARBALL"
		install_missing "have a kernel source (or set KERNEL_SRC to one)"
		name=debian
		KERNEL_ID=$(stat -c '%s-%Y' "$KERNEL_TARBALL")
	fi
	KERNEL_HOME=$CACHE/linux-$name
	KERNEL_TREE=$KERNEL_HOME/source
}

list_own_source() {
	find "$KERNEL_SRC" -name .git -prune -o -type f -printf '%P %s %T@\n' | sort
}

# Makes the source tree what KERNEL_ID says; what is laid over it stays.
fetch_source() {
	local stamp=$KERNEL_HOME/source-id
	[[ -f $stamp && $(<"$stamp") == "$KERNEL_ID" ]] && return
	mkdir -p "$KERNEL_HOME"
	if [[ -n ${KERNEL_SRC-} ]]; then
		copy_own_source
	else
		unpack_package
	fi
	printf %s "$KERNEL_ID" >"$stamp"
}

unpack_package() {
	say "unpacking $KERNEL_TARBALL"
	rm -rf "$KERNEL_HOME"
	mkdir -p "$KERNEL_TREE.new"
	tar -xf "$KERNEL_TARBALL" -C "$KERNEL_TREE.new" --strip-components=1
	mv "$KERNEL_TREE.new" "$KERNEL_TREE"
}

# The user's tree stays as it is: no build, no patch and no clean-up touches it.
copy_own_source() {
	need rsync rsync
	install_missing "copy KERNEL_SRC"
	say "copying $KERNEL_SRC"
	touch "$KERNEL_HOME/overlay"
	rsync -a --delete --exclude-from=<(sed 's,^,/,' "$KERNEL_HOME/overlay") \
		--exclude=.git --exclude='*.o' --exclude='*.a' --exclude='*.cmd' \
		--exclude=/.config --exclude=/include/config \
		--exclude=/include/generated --exclude='/arch/*/include/generated' \
		"$KERNEL_SRC/" "$KERNEL_TREE/"
}

# ------------------------------------------------------------ the overlay

kernel_version() {
	sed -n -E 's/^(VERSION|PATCHLEVEL) = ([0-9]+)$/\2/p' "$KERNEL_TREE/Makefile" |
		paste -s -d .
}

find_patches() {
	local version
	version=$(kernel_version)
	PATCHES=$PROJECT/kernel/patches/$version
	[[ -d $PATCHES ]] ||
		die "there are no patches for Linux $version, only for:" \
			"$(ls "$PROJECT/kernel/patches")"
}

# Prints where the file is as it is without this project.  The first time that
# is in the tree, so a copy is kept.
pristine() {
	local keep=$KERNEL_HOME/pristine/$1
	if [[ -n ${KERNEL_SRC-} ]]; then
		keep=$KERNEL_SRC/$1
	elif [[ ! -e $keep ]]; then
		mkdir -p "$(dirname "$keep")"
		cp "$KERNEL_TREE/$1" "$keep.new"
		mv "$keep.new" "$keep"
	fi
	printf %s "$keep"
}

# copy_into FOLDER FROM...: the regular files below FROM, by relative path.
copy_into() {
	mkdir -p "$1"
	(cd "$2" && find . -type f ! -path './patches/*' ! -name '*.o' -print0 |
		xargs -0 -r cp --parents -t "$1")
}

# Puts into a folder all files that the tree is to have from this project.
stage_overlay() {
	local stage=$1 file patch
	sed -n 's,^+++ b/\([^[:space:]]*\).*,\1,p' "$PATCHES"/*.patch | sort -u |
		while IFS= read -r file; do
			mkdir -p "$stage/$(dirname "$file")"
			cp "$(pristine "$file")" "$stage/$file"
		done
	for patch in "$PATCHES"/*.patch; do
		patch -d "$stage" -p1 -s -f --no-backup-if-mismatch <"$patch" >&2 ||
			die "$patch does not apply to this kernel source"
	done
	copy_into "$stage/kernel" "$PROJECT/kernel"
	copy_into "$stage/include" "$PROJECT/include"
	if [[ -d $stage/include/netlink ]]; then
		mkdir -p "$stage/Documentation/netlink"
		mv "$stage/include/netlink" "$stage/Documentation/netlink/specs"
	fi
	if [[ -d $PROJECT/selftests ]]; then
		copy_into "$stage/tools/testing/selftests" "$PROJECT/selftests"
	fi
}

put_file() {
	local from=$1/$2 to=$KERNEL_TREE/$2
	cmp -s "$from" "$to" && return
	mkdir -p "$(dirname "$to")"
	cp "$from" "$to"
}

# What was patched becomes what it was; what was added goes.
take_file_away() {
	if [[ -e ${KERNEL_SRC:-$KERNEL_HOME/pristine}/$1 ]]; then
		cp "${KERNEL_SRC:-$KERNEL_HOME/pristine}/$1" "$KERNEL_TREE/$1"
	else
		rm -f "$KERNEL_TREE/$1"
	fi
}

# Brings the tree up to date with this project's files.  Call with the lock.
sync_kernel_tree() {
	local stage=$KERNEL_HOME/stage old=$KERNEL_HOME/overlay new=$KERNEL_HOME/overlay.new file
	fetch_source
	find_patches
	touch "$old"
	rm -rf "$stage"
	mkdir "$stage"
	stage_overlay "$stage"
	(cd "$stage" && find . -type f -printf '%P\n' | sort) >"$new"
	comm -23 "$old" "$new" | while IFS= read -r file; do take_file_away "$file"; done
	# Before the first one lies there: whoever comes after us must know of it.
	cp "$new" "$old"
	while IFS= read -r file; do put_file "$stage" "$file"; done <"$new"
	rm -rf "$stage" "$new"
}

# -------------------------------------------------------------- the build

# The fragments that make up a configuration, in order, by path in the project.
config_fragments() {
	echo scripts/kernel/uml.config
	if [[ $1 != uml ]]; then
		echo "scripts/kernel/$1.config"
	fi
}

config_names() {
	(cd "$PROJECT/scripts/kernel" && printf '%s\n' *.config | sed 's/\.config$//' |
		paste -s -d ' ')
}

need_build_tools() {
	need gcc gcc
	need libc6-dev /usr/include/stdio.h
	need make make
	need flex flex
	need bison bison
	need bc bc
	need patch patch
	need xz-utils xz
	install_missing "build a kernel"
}

# Whatever else the caller uses make for.
kernel_make() {
	env -u MAKEFLAGS -u KBUILD_OUTPUT -u CROSS_COMPILE -u LLVM \
		make -C "$KERNEL_TREE" ARCH=um O="$KERNEL_BUILD" "$@"
}

# The last line about an option counts.
merge_fragments() {
	(cd "$PROJECT" && config_fragments "$1" | xargs cat) |
		awk 'match($0, /CONFIG_[A-Za-z0-9_]+/) && /^(# )?CONFIG_/ {
			last[substr($0, RSTART, RLENGTH)] = $0
		}
		END { for (option in last) print last[option] }' | sort
}

# All off but what the fragments ask for; and it is an error if the kernel does
# not take a line of them.
configure_kernel() {
	local wanted=$KERNEL_BUILD/wanted.config refused
	mkdir -p "$KERNEL_BUILD"
	merge_fragments "$1" >"$wanted"
	kernel_make -s KCONFIG_ALLCONFIG="$wanted" allnoconfig || return
	refused=$(grep -vxF -f "$KERNEL_BUILD/.config" "$wanted" || true)
	if [[ -n $refused ]]; then
		say "the kernel does not take these lines of scripts/kernel:"
		printf '%s\n' "$refused" >&2
		return 1
	fi
}

compile_kernel() {
	configure_kernel "$1" && kernel_make -j"$(nproc)" linux
}

# Everything that makes one kernel differ from another.
kernel_hash() {
	cd "$PROJECT" || exit
	{
		find kernel include/uapi -type f -print0 | LC_ALL=C sort -z
		config_fragments "$1" | tr '\n' '\0'
	} | hash_of "$KERNEL_ID" "$1" "$(gcc -dumpfullversion 2>/dev/null || true)"
}

# Sets KERNEL_IMAGE to a kernel built from the sources as they are now.
build_kernel() {
	local config=$1 hash
	[[ -f $PROJECT/scripts/kernel/$config.config ]] ||
		usage_error "unknown configuration '$config'; there are: $(config_names)"
	find_kernel_source
	hash=$(kernel_hash "$config")
	KERNEL_IMAGE=$CACHE/images/$config-$hash
	[[ -x $KERNEL_IMAGE ]] && return

	need_build_tools
	lock_cache
	sync_kernel_tree
	# Somebody may have written at the sources while we copied them.
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

make_kernel() {
	KERNEL_BUILD=$KERNEL_HOME/build-$1
	with_progress "building Linux $(kernel_version) ($1)" "$KERNEL_BUILD.log" \
		compile_kernel "$1"
	keep_image
}

# A few are kept, so that going back to an earlier state costs nothing.
keep_image() {
	mkdir -p "$CACHE/images"
	cp "$KERNEL_BUILD/linux" "$KERNEL_IMAGE.new"
	mv "$KERNEL_IMAGE.new" "$KERNEL_IMAGE"
	(cd "$CACHE/images" && find . -maxdepth 1 -type f -printf '%T@ %P\n' | sort -rn |
		sed '1,8d; s/^[^ ]* //' | xargs -r rm -f --)
}
