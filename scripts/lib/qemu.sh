# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A distribution's stock kernel in QEMU, with task_diag as a module.
#
# Nothing is installed: the packages are unpacked in the cache, and the module is
# built against the headers there.  The initramfs contains the program of boot.c,
# the modules that are needed to reach the host's files, and task_diag.

# prepare_qemu [:VERSION]: sets KERNEL_IMAGE and VM_OPTIONS.
prepare_qemu() {
	local version=${1#:}
	[[ $(uname -m) == x86_64 ]] ||
		die "QEMU runs kernels for x86-64 only, and this host is $(uname -m)"
	need_qemu
	lock_cache
	find_stock_kernel "${version:-6.12}"
	build_module
	build_initramfs
	unlock_cache
	KERNEL_IMAGE=$(echo "$STOCK"/boot/vmlinuz-*)
	describe_vm
}

need_qemu() {
	need qemu-system-x86 qemu-system-x86_64
	need gcc gcc
	need libc6-dev /usr/include/stdio.h
	need make make
	need xz-utils xz
	need cpio cpio
	need kmod /sbin/modprobe
	need pahole pahole
	install_missing "run a stock kernel in QEMU"
}

# ------------------------------------------------------- the kernel's packages

# find_stock_kernel SERIES: sets STOCK, the directory with the newest kernel of the
# series in the package lists.  Delete the directory to fetch a newer kernel.
find_stock_kernel() {
	local series=$1
	STOCK=$CACHE/stock-$series
	[[ -f $STOCK/complete ]] && return
	command -v apt-get >/dev/null || die "cannot fetch a stock kernel of Debian: apt-get is missing"
	if [[ -z $(stock_release "$series") ]]; then
		apt_get update >&2
	fi
	rm -rf "$STOCK"
	mkdir -p "$STOCK"
	unpack_stock_kernel "$series"
	touch "$STOCK/complete"
}

# Prints the newest release for PCs: kernels for clouds have no 9p.
stock_release() {
	apt-cache search --names-only "^linux-image-${1//./\\.}\\." |
		sed -nE 's/^linux-image-([0-9.]+[-+][a-z0-9]+-amd64) .*/\1/p' | sort -V | tail -n 1
}

unpack_stock_kernel() {
	local release packages
	release=$(stock_release "$1")
	[[ -n $release ]] || die "no kernel of the series $1 in the package lists of apt-get"
	mapfile -t packages < <(
		printf '%s\n' "linux-image-$release" "linux-headers-$release"
		apt-cache depends "linux-headers-$release" |
			sed -nE 's/^ *Depends: (linux-(headers|kbuild)-.*)/\1/p'
	)
	say "fetching Debian's Linux $release"
	(cd "$STOCK" && apt_get_download "${packages[@]}") ||
		die "cannot download ${packages[*]}"
	for package in "$STOCK"/*.deb; do
		dpkg-deb -x "$package" "$STOCK"
		rm "$package"
	done
	# The package's own Makefile contains the path of the installed package.
	echo "include $(echo "$STOCK"/usr/src/*-common)/Makefile" >"$(stock_headers)/Makefile"
	/sbin/depmod -b "$STOCK" "$release"
}

# As root, apt-get would download as the user _apt, which cannot write here.
apt_get_download() {
	apt-get -q -o APT::Sandbox::User="$(id -un)" download "$@" >&2 </dev/null
}

stock_headers() {
	echo "$STOCK"/usr/src/linux-headers-*-amd64
}

stock_compiler() {
	sed -nE 's/^CC = .*(gcc-[0-9]+)$/\1/p' "$(stock_headers)/.kernelvariables"
}

# ------------------------------------------------------------------ the module

# Sets MODULE to task_diag.ko, built from the sources as they are now.
build_module() {
	local sources=$STOCK/task_diag log=$STOCK/module.log compiler
	MODULE=$sources/kernel/task_diag.ko
	if [[ -f $MODULE && $(cat "$STOCK/module-hash") == "$(module_hash)" ]]; then
		return
	fi
	compiler=$(stock_compiler)
	need "${compiler:-gcc}" "${compiler:-gcc}"
	install_missing "build a module"
	rm -f "$STOCK/module-hash"
	module_hash >"$STOCK/module-hash.new"
	copy_changed kernel include/uapi
	with_progress "building task_diag for ${STOCK##*-}" "$log" \
		env -u MAKEFLAGS -u ARCH -u CROSS_COMPILE \
		make -C "$sources/kernel" KDIR="$(stock_headers)"
	mv "$STOCK/module-hash.new" "$STOCK/module-hash"
}

module_hash() {
	(cd "$PROJECT" && module_sources | tr '\n' '\0' | hash_of)
}

# Unchanged files keep their times, so that make does not build them again.
copy_changed() {
	local file to
	while IFS= read -r file; do
		to=$STOCK/task_diag/$file
		cmp -s "$PROJECT/$file" "$to" && continue
		mkdir -p "$(dirname "$to")"
		cp "$PROJECT/$file" "$to"
	done < <(module_sources)
}

# --------------------------------------------------------------- the initramfs

# Modules of the lines and of the host's files.
BOOT_MODULES=(virtio_pci virtio_console 9pnet_virtio 9p)

# Modules that selftests use: the VM cannot load modules later.
TEST_MODULES=(af_packet nlmon)

# Sets INITRAMFS.
build_initramfs() {
	local dir=$STOCK/initramfs
	INITRAMFS=$STOCK/initramfs-$(printf '%s\0' "$MODULE" "$VM_BOOT" |
		hash_of "${BOOT_MODULES[@]}" "${TEST_MODULES[@]}")
	[[ -f $INITRAMFS ]] && return
	rm -rf "$dir" "$STOCK"/initramfs-*
	mkdir -p "$dir/modules"
	cp "$VM_BOOT" "$dir/init"
	copy_boot_modules "$dir/modules"
	strip --strip-debug -o "$dir/modules/99-task_diag.ko" "$MODULE"
	(cd "$dir" && find . | cpio --quiet -o -H newc) >"$INITRAMFS.new"
	mv "$INITRAMFS.new" "$INITRAMFS"
}

# Numbers the modules in the order of their dependencies.
copy_boot_modules() {
	local path number=10
	boot_modules | while IFS= read -r path; do
		path=${path#insmod }
		case $path in
		*.xz) xz -dc "$path" >"$1/$number-$(basename "$path" .xz)" ;;
		*) cp "$path" "$1/$number-$(basename "$path")" ;;
		esac
		number=$((number + 1))
	done
}

boot_modules() {
	local release
	release=$(basename "$STOCK"/lib/modules/*)
	/sbin/modprobe -C /dev/null -d "$STOCK" -S "$release" --all --show-depends \
		"${BOOT_MODULES[@]}" "${TEST_MODULES[@]}" |
		grep '^insmod' | awk '!seen[$0]++ { print $1, $2 }'
}

# ---------------------------------------------------------------------- the VM

describe_vm() {
	local option accelerator_options further
	VM_OPTIONS=(--qemu --option=-initrd --option="$INITRAMFS")
	accelerator_options=$(accelerator)
	if [[ $accelerator_options == *thread=multi* ]]; then
		VM_OPTIONS+=(--faulty-emulator)
	fi
	read -ra further <<<"$accelerator_options -smp ${TASKDIAG_SMP:-4} ${TASKDIAG_QEMU-}"
	for option in "${further[@]}"; do
		VM_OPTIONS+=(--option="$option")
	done
	VM_OPTIONS+=(--arguments="${TASKDIAG_APPEND-}")
	# For tests that load and unload the module.
	export TASKDIAG_MODULE=$MODULE
}

# -icount requires one thread for all processors.
accelerator() {
	if [[ ${TASKDIAG_QEMU-} == *-icount* ]]; then
		echo "-accel tcg,thread=single -cpu max"
	elif kvm_runs_kernels; then
		echo "-accel kvm -cpu host"
	else
		echo "-accel tcg,thread=multi -cpu max"
	fi
}

# Returns whether a kernel prints its first message within a second: some hosts
# have a /dev/kvm that opens, but cannot run a kernel or is very slow.
kvm_runs_kernels() {
	[[ -r /dev/kvm && -w /dev/kvm ]] || return
	grep -q -m 1 'Linux version' < <(
		timeout --signal=KILL 1 qemu-system-x86_64 -nodefaults -no-user-config \
			-display none -no-reboot -accel kvm -cpu host -m 256M \
			-kernel "$KERNEL_IMAGE" -append "earlyprintk=ttyS0 panic=-1" \
			-serial stdio </dev/null 2>/dev/null
	)
}
