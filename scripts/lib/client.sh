# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Builds the Rust programs.

if [[ -n ${CARGO_TARGET_DIR-} ]]; then
	CARGO_TARGET_DIR=$(realpath -m -- "$CARGO_TARGET_DIR")
fi
CLIENT_TARGET=${CARGO_TARGET_DIR:-$PROJECT/target}
CLIENT_PROGRAMS=$CLIENT_TARGET/release

need_cargo() {
	command -v cargo >/dev/null ||
		die "cannot build the client: cargo is missing;" \
			"install Rust as described at https://rustup.rs"
}

# Programs that the client's tests call.
need_test_tools() {
	need mandoc mandoc
	install_missing "check the manual pages"
}

# Builds the programs, unless no file has changed since the last call.
build_client() {
	local stamp=$CLIENT_PROGRAMS/.built-by-scripts-run
	if [[ -f $stamp && -z $(client_changes "$stamp") ]]; then
		return
	fi
	need_cargo
	need gcc gcc
	need libc6-dev /usr/include/stdio.h
	install_missing "build the client"
	mkdir -p "$CLIENT_PROGRAMS"
	touch "$stamp.new"
	cargo build --release --package taskdiag-cli --package taskdiagd \
		--manifest-path "$PROJECT/Cargo.toml" --target-dir "$CLIENT_TARGET" >&2 || die "the client does not build"
	mv "$stamp.new" "$stamp"
}

build_fuzzer() {
	need_cargo
	cargo build --release --locked --package taskdiag-fuzz \
		--manifest-path "$PROJECT/Cargo.toml" --target-dir "$CLIENT_TARGET" >&2 || die "the fuzzer does not build"
}

client_changes() {
	find "$PROJECT/client" "$PROJECT/include/uapi" "$PROJECT"/Cargo.* \
		-newer "$1" -print -quit 2>/dev/null
}
