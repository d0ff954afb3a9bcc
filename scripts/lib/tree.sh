# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A kernel source tree with this project's files in it.
#
# The cache has one tree per source: Debian's package of each series, or a copy of
# KERNEL_SRC.  The overlay consists of the files of this project.  A file of the
# overlay is copied into the tree only if its contents differ, so that make builds
# only changed files again.

# Series of the kernel that is built.
KERNEL_SERIES=6.12

# The series that the patches were compared with, in one directory for both of 7.x.
KERNEL_SERIES_BUILT_IN=(6.12 7.2 7.3)

patches_version() {
	case $1 in
	7.2) echo 7.3 ;;
	*) echo "$1" ;;
	esac
}

# choose_series NAME: sets KERNEL_SERIES for the option --kernel NAME.
choose_series() {
	local series=${1#uml}
	[[ -n $series ]] || return 0
	series=${series#:}
	[[ " ${KERNEL_SERIES_BUILT_IN[*]} " == *" $series "* ]] ||
		usage_error "unknown kernel '$1'; one of: ${KERNEL_SERIES_BUILT_IN[*]/#/uml:}"
	[[ -z ${KERNEL_SRC-} ]] ||
		usage_error "--kernel $1 and KERNEL_SRC exclude each other"
	KERNEL_SERIES=$series
}

if [[ -n ${KERNEL_SRC-} ]]; then
	KERNEL_SRC=$(realpath -m -- "$KERNEL_SRC")
fi

# Sets KERNEL_ID, an identifier of the present state of the source; KERNEL_HOME,
# its directory in the cache; and KERNEL_TREE, the tree there.
find_kernel_source() {
	local name
	if [[ -n ${KERNEL_SRC-} ]]; then
		[[ -f $KERNEL_SRC/Kbuild && -d $KERNEL_SRC/arch/um ]] ||
			die "KERNEL_SRC=$KERNEL_SRC is not a Linux source tree"
		name=own-$(printf %s "$KERNEL_SRC" | sha256sum | cut -c1-8)
		KERNEL_ID=$(list_own_source | sha256sum | cut -c1-16)
	else
		KERNEL_TARBALL=/usr/src/linux-source-$KERNEL_SERIES.tar.xz
		name=debian
		if [[ $KERNEL_SERIES != 6.12 ]]; then
			name=debian-$KERNEL_SERIES
			fetch_kernel_package
		fi
		need "linux-source-$KERNEL_SERIES" "$KERNEL_TARBALL"
		install_missing "have a kernel source (or set KERNEL_SRC to one)"
		KERNEL_ID=$(stat -c '%s-%Y' "$KERNEL_TARBALL")
	fi
	KERNEL_HOME=$CACHE/linux-$name
	KERNEL_TREE=$KERNEL_HOME/source
}

# Sets KERNEL_TARBALL to the package's file in the cache, if it is not installed: the
# releases that this host gets packages from may not have the series.
fetch_kernel_package() {
	local dir=$CACHE/source-$KERNEL_SERIES
	[[ -e $KERNEL_TARBALL ]] && return
	KERNEL_TARBALL=$dir$KERNEL_TARBALL
	[[ -e $KERNEL_TARBALL ]] && return
	lock_cache
	fetch_debian "$dir" unpack_kernel_package "linux-source-$KERNEL_SERIES"
	unlock_cache
}

# unpack_kernel_package PACKAGE DIRECTORY
unpack_kernel_package() {
	say "fetching $1"
	unpack_debian_packages "$2" "$1"
}

# Output of a build in the tree.
OWN_SOURCE_OUTPUT=('*.o' '*.a' '*.ko' '*.cmd' '*.mod' /vmlinux /linux
	/.config /include/config /include/generated '/arch/*/include/generated')

list_own_source() {
	find "$KERNEL_SRC" -name .git -prune -o -type f ! -name '*.o' ! -name '*.cmd' \
		-printf '%P %s %T@\n' | sort
}

# Updates the tree to the source of KERNEL_ID.  Files of the overlay stay.
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

# Copies KERNEL_SRC, which stays unchanged.  Compares contents and not times: a
# changed file must be newer here than the output of the last build, whenever it
# was written in KERNEL_SRC.
copy_own_source() {
	need rsync rsync
	install_missing "copy KERNEL_SRC"
	say "copying $KERNEL_SRC"
	touch "$KERNEL_HOME/overlay"
	rsync -rlpc --delete --exclude-from=<(sed 's,^,/,' "$KERNEL_HOME/overlay") \
		--exclude=.git "${OWN_SOURCE_OUTPUT[@]/#/--exclude=}" \
		"$KERNEL_SRC/" "$KERNEL_TREE/"
}

# ------------------------------------------------------------ the overlay

# Prints the version of a source that may not have been unpacked yet.
source_version() {
	if [[ -n ${KERNEL_SRC-} ]]; then
		KERNEL_TREE=$KERNEL_SRC kernel_version
	else
		echo "$KERNEL_SERIES"
	fi
}

kernel_version() {
	sed -n -E 's/^(VERSION|PATCHLEVEL) = ([0-9]+)$/\2/p' "$KERNEL_TREE/Makefile" |
		paste -s -d .
}

# Sets PATCHES: the patches of task_diag for existing files, and the patches for
# the kernels that scripts/run boots.
find_patches() {
	local version
	version=$(patches_version "$(kernel_version)")
	[[ -d $PROJECT/kernel/patches/$version ]] ||
		die "there are no patches for Linux $version, only for:" \
			"$(ls "$PROJECT/kernel/patches")"
	PATCHES=("$PROJECT/kernel/patches/$version"/*.patch)
	if [[ -d $PROJECT/scripts/kernel/patches/$version ]]; then
		PATCHES+=("$PROJECT/scripts/kernel/patches/$version"/*.patch)
	fi
}

# pristine FILE: prints the path of the file without the patches of this project.
# The first call copies the file from the tree, before it is patched.
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

# copy_into DIRECTORY FROM: copies the regular files below FROM, by relative path,
# without the output of a build.
copy_into() {
	mkdir -p "$1"
	(cd "$2" && find . -type f ! -name '*.o' ! -name '*.cmd' ! -name '*.mod' \
		-print0 | xargs -0 -r cp --parents -t "$1")
}

# stage_overlay DIRECTORY: writes all files of the overlay into the directory.
stage_overlay() {
	local stage=$1 file patch
	sed -n 's,^--- a/\([^[:space:]]*\).*,\1,p' "${PATCHES[@]}" | sort -u |
		while IFS= read -r file; do
			mkdir -p "$stage/$(dirname "$file")"
			cp "$(pristine "$file")" "$stage/$file"
		done
	for patch in "${PATCHES[@]}"; do
		patch -d "$stage" -p1 -s -f --no-backup-if-mismatch <"$patch" >&2 ||
			die "$patch does not apply to this kernel source"
	done
	copy_into "$stage/kernel/taskdiag" "$PROJECT/kernel/taskdiag"
	cp "$PROJECT/kernel/taskdiag.c" "$stage/kernel/"
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

# Restores a file that was patched, or removes a file that was added.
take_file_away() {
	if [[ -e ${KERNEL_SRC:-$KERNEL_HOME/pristine}/$1 ]]; then
		cp "${KERNEL_SRC:-$KERNEL_HOME/pristine}/$1" "$KERNEL_TREE/$1"
	else
		rm -f "$KERNEL_TREE/$1"
	fi
}

# Updates the tree to the present files of this project.  Requires the lock.
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
	# Before the first copy: a later call must find all files that we may add.
	cp "$new" "$old"
	while IFS= read -r file; do put_file "$stage" "$file"; done <"$new"
	rm -rf "$stage" "$new"
}

# As sync_kernel_tree, without the lock.
sync_kernel_sources() {
	need_build_tools
	lock_cache
	sync_kernel_tree
	unlock_cache
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
