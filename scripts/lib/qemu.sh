# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A distribution's stock kernel in QEMU, with task_diag as a module.
#
# Nothing of it is installed: the packages are unpacked in the cache, and the
# module is built against the headers there.  The initramfs holds boot.c, what
# it takes to reach the host's files, and task_diag.

# prepare_qemu [:VERSION]: sets KERNEL_IMAGE and MACHINE_OPTIONS.
prepare_qemu() {
	local version=${1#:}
	[[ $(uname -m) == x86_64 ]] ||
		die "the kernels for QEMU are those for x86-64, and this is $(uname -m)"
	need_qemu
	lock_cache
	find_stock_kernel "${version:-6.12}"
	build_module
	build_initramfs
	unlock_cache
	KERNEL_IMAGE=$(echo "$STOCK"/boot/vmlinuz-*)
	describe_machine
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

# Sets STOCK, the folder that the newest kernel of a series that the package
# lists know is unpacked in.  It stays the newest until the folder is deleted.
find_stock_kernel() {
	local series=$1
	STOCK=$CACHE/stock-$series
	[[ -f $STOCK/complete ]] && return
	command -v apt-get >/dev/null || die "stock kernels are those of Debian, by apt-get"
	if [[ -z $(stock_release "$series") ]]; then
		apt_get update >&2
	fi
	rm -rf "$STOCK"
	mkdir -p "$STOCK"
	unpack_stock_kernel "$series"
	touch "$STOCK/complete"
}

# Of the images for PCs: not those for clouds, which have no 9p, nor real time.
stock_release() {
	apt-cache search --names-only "^linux-image-${1//./\\.}\\." |
		sed -nE 's/^linux-image-([0-9.]+[-+][a-z0-9]+-amd64) .*/\1/p' | sort -V | tail -n 1
}

unpack_stock_kernel() {
	local release packages
	release=$(stock_release "$1")
	[[ -n $release ]] || die "apt-get knows no kernel of the series $1"
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
	# It names the folder that it would be installed in.
	echo "include $(echo "$STOCK"/usr/src/*-common)/Makefile" >"$(stock_headers)/Makefile"
	/sbin/depmod -b "$STOCK" "$release"
}

# Downloading takes no rights, and as root apt-get would give them away.
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

# Files that stay as they are keep their times, and need no building.
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

# What it takes to come to the lines and to the host's files.
BOOT_MODULES=(virtio_pci virtio_console 9pnet_virtio 9p)

# Modules that selftests use; the guest cannot load others by itself.
TEST_MODULES=(af_packet nlmon)

# Sets INITRAMFS.
build_initramfs() {
	local folder=$STOCK/initramfs
	INITRAMFS=$STOCK/initramfs-$(printf '%s\0' "$MODULE" "$MACHINE_BOOT" |
		hash_of "${BOOT_MODULES[@]}" "${TEST_MODULES[@]}")
	[[ -f $INITRAMFS ]] && return
	rm -rf "$folder" "$STOCK"/initramfs-*
	mkdir -p "$folder/modules"
	cp "$MACHINE_BOOT" "$folder/init"
	copy_boot_modules "$folder/modules"
	strip --strip-debug -o "$folder/modules/99-task_diag.ko" "$MODULE"
	(cd "$folder" && find . | cpio --quiet -o -H newc) >"$INITRAMFS.new"
	mv "$INITRAMFS.new" "$INITRAMFS"
}

# Under names whose order is that of their dependencies.
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

# ----------------------------------------------------------------- the machine

describe_machine() {
	local option how further
	MACHINE_OPTIONS=(--qemu --option=-initrd --option="$INITRAMFS")
	how=$(accelerator)
	if [[ $how == *thread=multi* ]]; then
		MACHINE_OPTIONS+=(--emulator-fails)
	fi
	read -ra further <<<"$how -smp ${TASKDIAG_SMP:-4} ${TASKDIAG_QEMU-}"
	for option in "${further[@]}"; do
		MACHINE_OPTIONS+=(--option="$option")
	done
	MACHINE_OPTIONS+=(--arguments="${TASKDIAG_APPEND-}")
	# For tests that load and unload it.
	export TASKDIAG_MODULE=$MODULE
}

# Instructions are counted in one thread, for all processors.
accelerator() {
	if [[ ${TASKDIAG_QEMU-} == *-icount* ]]; then
		echo "-accel tcg,thread=single -cpu max"
	elif kvm_runs_kernels; then
		echo "-accel kvm -cpu host"
	else
		echo "-accel tcg,thread=multi -cpu max"
	fi
}

# A /dev/kvm that opens may be one that cannot run a kernel, or at a snail's
# pace: see one come to its first message, within a second.
kvm_runs_kernels() {
	[[ -r /dev/kvm && -w /dev/kvm ]] || return
	grep -q -m 1 'Linux version' < <(
		timeout --signal=KILL 1 qemu-system-x86_64 -nodefaults -no-user-config \
			-display none -no-reboot -accel kvm -cpu host -m 256M \
			-kernel "$KERNEL_IMAGE" -append "earlyprintk=ttyS0 panic=-1" \
			-serial stdio </dev/null 2>/dev/null
	)
}
