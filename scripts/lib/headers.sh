# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Builds the module against the headers of Debian's kernels, without installing
# their packages.
#
# Depends on common.sh, packages.sh, progress.sh, debian.sh and module.sh.

# The kernels that kernel/taskdiag/versions.h supports.
# shellcheck disable=SC2034 # scripts/build-modules reads it
MODULE_KERNELS=(6.1 6.12 7.2 7.3)

# find_headers SERIES: sets HEADERS to the newest headers of the series.  Delete
# headers-SERIES in the cache to fetch newer ones.
find_headers() {
	HEADERS_HOME=$CACHE/headers-$1
	fetch_debian "$HEADERS_HOME" unpack_headers "$1"
	HEADERS=$(echo "$HEADERS_HOME"/usr/src/linux-headers-*-amd64)
}

# unpack_headers SERIES DIRECTORY
unpack_headers() {
	local package packages makefile
	# Not the variants, such as -rt-amd64.
	package=$(newest_debian_package \
		"linux-headers-${1//./\\.}\\.[0-9.]+[-+][a-z0-9.]+-amd64")
	[[ -n $package ]] || return
	mapfile -t packages < <(
		echo "$package"
		apt-cache "${DEBIAN_APT[@]}" depends "$package" |
			sed -nE 's/^ *Depends: (linux-(headers|kbuild)-.*)/\1/p'
	)
	say "fetching $package"
	unpack_debian_packages "$2" "${packages[@]}" || return
	# The package's own Makefile contains paths of the installed packages.
	makefile=$(echo "$2"/usr/src/linux-headers-*-amd64)/Makefile
	sed -i "s,/usr/src/,$2/usr/src/,; s,$2$2,$2," "$makefile"
	make_tools_run "$2"
}

# Debian builds the tools of a kernel for the release of that kernel, whose C library
# may be newer than the one of this host.  Then the tools run with their own.
make_tools_run() {
	local tool libraries=$1/libc
	for tool in "$1"/usr/lib/linux-kbuild-*/{scripts/mod/modpost,tools/objtool/objtool}*; do
		# No pipe: "grep -q" can end it before ldd has written all.
		[[ $(ldd "$tool" 2>&1) == *GLIBC_*"not found"* ]] || continue
		if [[ ! -d $libraries ]]; then
			unpack_debian_packages "$libraries" "libc6/trixie" || return
		fi
		mv "$tool" "$tool.elf"
		printf '#!/bin/sh\nexec %q --library-path %q %q "$@"\n' \
			"$libraries/usr/lib64/ld-linux-x86-64.so.2" \
			"$libraries/usr/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu" \
			"$tool.elf" >"$tool"
		chmod +x "$tool"
	done
}

# Prints the arguments of make that depend on the compiler: the one of the kernel if
# this host has it, otherwise gcc, without the options that an older gcc lacks.
compiler_arguments() {
	local compiler
	compiler=$(sed -nE 's/^CC = .*(gcc-[0-9]+)$/\1/p' "$HEADERS/.kernelvariables")
	if [[ -n $compiler ]] && command -v "$compiler" >/dev/null; then
		echo "CC=$compiler"
		return
	fi
	echo "CC=gcc"
	if ! gcc -fmin-function-alignment=16 -E -x c /dev/null >/dev/null 2>&1; then
		echo "CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT="
	fi
}

# make_module DIRECTORY [ARGUMENT...]: builds the module from the sources in DIRECTORY.
# Type information would need pahole, and the module is only built here.
make_module() {
	local sources=$1 arguments
	shift
	mapfile -t arguments < <(compiler_arguments)
	env -u MAKEFLAGS -u ARCH -u CROSS_COMPILE \
		make -j"$(nproc)" -C "$sources/kernel" KDIR="$HEADERS" CONFIG_DEBUG_INFO_BTF_MODULES= \
		"${arguments[@]}" "$@"
}

# copy_module_sources DIRECTORY: unchanged files keep their times, so that make does
# not build them again.
copy_module_sources() {
	local file
	while IFS= read -r file; do
		cmp -s "$PROJECT/$file" "$1/$file" && continue
		mkdir -p "$(dirname "$1/$file")"
		cp "$PROJECT/$file" "$1/$file"
	done < <(module_sources)
}
