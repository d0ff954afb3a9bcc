# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Checks of the crates in the form in which crates.io would distribute them, and
# of the licences. Depends on common.sh, packages.sh and client.sh.

PUBLISHED_CRATES=(taskdiag taskdiag-cli taskdiagd)

# The oldest compiler that Cargo.toml claims to support.
minimum_rust_version() {
	sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$PROJECT/Cargo.toml"
}

# Compiles all crates with the oldest supported compiler.
check_minimum_rust_version() {
	local version
	version=$(minimum_rust_version)
	if ! cargo "+$version" --version >/dev/null 2>&1 &&
		! rustup toolchain install "$version" --profile minimal; then
		say "Rust $version: NOT RUN, because rustup cannot install it"
		return
	fi
	cargo "+$version" check --workspace --all-features --locked \
		--target-dir "$PROJECT/target/minimum-rust"
}

# Builds each package from its archive alone. The library's archive must also
# pass the library's tests, as distributions run them.
check_packages() {
	local options=() crate
	for crate in "${PUBLISHED_CRATES[@]}"; do
		options+=(--package "$crate")
	done
	rm -rf "$PROJECT/target/package"
	cargo package --locked --allow-dirty "${options[@]}"
	check_library_archive "$PROJECT"/target/package/taskdiag-[0-9]*.crate
}

# check_library_archive ARCHIVE
check_library_archive() {
	local work crate file
	work=$(mktemp -d)
	tar -xzf "$1" -C "$work"
	crate=$(echo "$work"/taskdiag-*)
	for file in README.md LICENSE CHANGELOG.md; do
		[[ -s $crate/$file ]] || die "the archive of taskdiag lacks $file"
	done
	cargo test --manifest-path "$crate/Cargo.toml" --all-features \
		--target-dir "$PROJECT/target"
	rm -rf "$work"
}

# Every file must state its licence and copyright holder, as REUSE specifies.
check_licences() {
	local venv=$CACHE/reuse
	if ! [[ -x $venv/bin/reuse ]]; then
		need python3-venv /usr/lib/python3/dist-packages/venv /usr/lib/python3.*/ensurepip/__init__.py
		install_missing "check the licences"
		python3 -m venv "$venv"
		"$venv/bin/pip" --quiet install 'reuse>=5'
	fi
	"$venv/bin/reuse" --root "$PROJECT" lint --lines
}
