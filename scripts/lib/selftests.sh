# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Builds the test programs that run in the VM: the kselftests in the kernel tree,
# and the client's test programs.

# Prints the directory of the installed kselftests: one per kernel and
# configuration, because tests in two kernels may run at the same time.
selftests_dir() {
	local name=${kernel-uml}
	printf %s "$KERNEL_HOME/selftests-${name/:/-}-${config-uml}"
}

# Builds the kselftests against the headers that the kernel tree exports, and
# installs them in selftests_dir.
build_selftests() {
	local headers=$KERNEL_HOME/headers log=$KERNEL_HOME/selftests.log
	need rsync rsync
	install_missing "install kselftests"
	need_build_tools
	lock_cache
	sync_kernel_tree
	with_progress "building the selftests" "$log" make_selftests "$headers"
	unlock_cache
}

# Builds all files each time: lib.mk has no dependencies on headers of a test.
make_selftests() {
	local targets
	rm -rf "$1/kselftest" "$(selftests_dir)"
	targets=$(cd "$PROJECT/selftests" && echo *)
	make -s -C "$KERNEL_TREE" ARCH="$(header_arch)" O="$1" headers &&
		CFLAGS=-Werror make -C "$KERNEL_TREE/tools/testing/selftests" O="$1" ARCH="$(header_arch)" \
			TARGETS="$targets" FORCE_TARGETS=1 INSTALL_PATH="$(selftests_dir)" install
}

# User-Mode Linux exports no headers; its programs use those of the host's CPU.
header_arch() {
	case $(uname -m) in
	x86_64 | i?86) echo x86 ;;
	aarch64) echo arm64 ;;
	*) uname -m ;;
	esac
}

# Prints one line per test program of the client: the directory in which cargo
# would run it, a tab, and its path.
list_test_programs() {
	need python3 /usr/bin/python3
	install_missing "find the client's test programs"
	cargo test --workspace --all-features --locked --no-run \
		--message-format=json-render-diagnostics |
		/usr/bin/python3 -c '
import json, os, sys
for line in sys.stdin:
    message = json.loads(line)
    if message.get("profile", {}).get("test") and message.get("executable"):
        print(os.path.dirname(message["manifest_path"]), message["executable"], sep="\t")
'
}

# Puts the profile compiler of AppArmor into $CACHE/apparmor/bin, for kernels that
# enable AppArmor.  Unpacked and not installed: the package would load profiles into
# the kernel of the host.
unpack_apparmor() {
	local dir=$CACHE/apparmor
	[[ -x $dir/bin/apparmor_parser ]] && return
	rm -rf "$dir"
	mkdir -p "$dir/bin"
	(cd "$dir" && apt_get_download apparmor && dpkg-deb -x apparmor_*.deb . &&
		rm apparmor_*.deb) || die "cannot download apparmor"
	printf '#!/bin/sh\nexec "%s" --base "%s" "$@"\n' "$dir/sbin/apparmor_parser" \
		"$dir/etc/apparmor.d" >"$dir/bin/apparmor_parser"
	chmod +x "$dir/bin/apparmor_parser"
}
