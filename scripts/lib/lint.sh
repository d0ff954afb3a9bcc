# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What can be said about the sources without running them: the checks that
# scripts/check and the continuous integration share.

# ---------------------------------------------------------------- the steps

FAILED_STEPS=()

# Runs a check and goes on whatever it says.  step NAME COMMAND...
step() {
	local name=$1 begun=$SECONDS status
	shift
	headline "$name"
	set +e
	(
		set -e
		"$@"
	)
	status=$?
	set -e
	if ((status)); then
		FAILED_STEPS+=("$name")
		say "$name: failed after $((SECONDS - begun)) s"
	else
		say "$name: fine, $((SECONDS - begun)) s"
	fi
}

conclude_steps() {
	if ((${#FAILED_STEPS[@]})); then
		say "failed: $(printf '%s, ' "${FAILED_STEPS[@]}" | sed 's/, $//')"
		return 1
	fi
	say "all fine"
}

# ------------------------------------------------------------------- Rust

need_rust_component() {
	cargo "$1" --version >/dev/null 2>&1 && return
	command -v rustup >/dev/null ||
		die "cargo $1 is missing; it comes with rustup, https://rustup.rs"
	say "installing the Rust component $2"
	rustup component add "$2"
}

check_format() {
	cargo fmt --all --check
}

check_clippy() {
	cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
}

# Checks the library with these features and no others.
check_library_with() {
	cargo clippy --quiet --package taskdiag --no-default-features --features "$1" \
		--locked -- -D warnings || {
		say "taskdiag does not compile with the features '$1' alone"
		return 1
	}
}

# A build of the workspace enables the features of all its members, which hides a
# missing feature gate. So this checks each feature alone, and the pairs that share
# code.
check_features() {
	local features
	for features in "" netlink procfs daemon events tokio serde netlink,tokio \
		daemon,tokio procfs,tokio events,tokio netlink,daemon,tokio netlink,procfs \
		netlink,events netlink,daemon procfs,daemon; do
		check_library_with "$features"
	done
}

# Limits the dependencies of a program that uses the netlink transport only.
NETLINK_CRATES_MAX=20

check_crate_count() {
	local crates count
	crates=$(cargo tree --package taskdiag --no-default-features --features netlink \
		--edges normal --prefix none --locked | awk '{ print $1, $2 }' | sort -u)
	count=$(wc -l <<<"$crates")
	say "taskdiag with the feature netlink: $count crates, with the crate itself"
	((count <= NETLINK_CRATES_MAX)) || {
		say "more than $NETLINK_CRATES_MAX:"
		printf '%s\n' "$crates"
		return 1
	}
}

check_rustdoc() {
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --all-features --no-deps --locked
}

check_rust_tests() {
	need_test_tools
	if cargo nextest --version >/dev/null 2>&1; then
		cargo nextest run --workspace --all-features --locked --status-level slow
	else
		say "there is no cargo-nextest, so it is cargo test"
		cargo test --workspace --all-features --all-targets --locked
	fi
}

# ----------------------------------------------------------------- kernel

need_checkpatch() {
	need git git
	perl -MTerm::ANSIColor -e 1 2>/dev/null || MISSING+=(perl)
	install_missing "run checkpatch.pl"
}

# C files and patches of this project, by path in it.
c_files() {
	(cd "$PROJECT" && find kernel include selftests scripts \
		\( -name '*.[ch]' -o -name '*.patch' \) -type f | sort)
}

# The same, but only what differs from the upstream branch, or else from HEAD.
changed_c_files() {
	local base
	base=$(git -C "$PROJECT" merge-base HEAD '@{upstream}' 2>/dev/null || echo HEAD)
	{
		git -C "$PROJECT" diff --name-only --diff-filter=d "$base"
		git -C "$PROJECT" ls-files --others --exclude-standard
	} | sort -u | comm -12 - <(c_files)
}

# What checkpatch.pl wants of code that lives in a kernel tree, and knows its
# version: compat*.[ch] are there for the trees they do not live in.
COMPAT_LICENCE=(--no-tree --ignore LINUX_VERSION_CODE
	--ignore CONSTANT_COMPARISON --ignore NEW_TYPEDEFS --ignore COMPLEX_MACRO
	--ignore MACRO_WITH_FLOW_CONTROL --ignore MACRO_ARG_REUSE
	--ignore MACRO_ARG_UNUSED --ignore TRAILING_SEMICOLON
	--ignore MULTISTATEMENT_MACRO_USE_DO_WHILE)

# checkpatch.pl judges by where a file lies, so it is shown each one in its
# place in a kernel tree.  check_patch_style < list of files
check_patch_style() {
	local file place bad=0 count=0
	while IFS= read -r file; do
		count=$((count + 1))
		case $file in
		*.patch) place=(--patch "$PROJECT/$file") ;;
		selftests/*) place=(--file "tools/testing/$file") ;;
		kernel/compat*) place=("${COMPAT_LICENCE[@]}" --file "$PROJECT/$file") ;;
		scripts/*) place=(--file "tools/taskdiag/$file") ;;
		*) place=(--file "$file") ;;
		esac
		if [[ $file == scripts/* ]]; then
			mkdir -p "$KERNEL_TREE/tools/taskdiag/$(dirname "$file")"
			cp "$PROJECT/$file" "$KERNEL_TREE/tools/taskdiag/$file"
		fi
		(cd "$KERNEL_TREE" && perl scripts/checkpatch.pl --strict --quiet --no-summary \
			"${place[@]}") || bad=1
	done
	rm -rf "$KERNEL_TREE/tools/taskdiag"
	say "checkpatch.pl --strict looked at $count files"
	return "$bad"
}

check_all_patch_style() {
	need_checkpatch
	c_files | check_patch_style
}

check_changed_patch_style() {
	need_checkpatch
	changed_c_files | check_patch_style
}

# The family's files only; in a build folder of its own, as W=1 would make the
# other one build everything again.
check_sparse() {
	local log objects
	need sparse sparse
	install_missing "check the kernel code"
	need_build_tools
	lock_cache
	KERNEL_BUILD=$KERNEL_HOME/build-sparse
	log=$KERNEL_HOME/sparse.log
	objects=$(cd "$PROJECT/kernel" && printf 'kernel/%s\n' *taskdiag*.c | sed 's/c$/o/')
	# shellcheck disable=SC2086
	run_sparse $objects >"$log" 2>&1 || {
		tail -n 30 "$log"
		return 1
	}
	# Of the objects, not of what they include.
	unlock_cache
	! grep -E '(^|/)(kernel|linux)/taskdiag[^ ]*:[0-9]+' "$log"
}

run_sparse() {
	configure_kernel uml && kernel_make -j"$(nproc)" prepare &&
		rm -f "${@/#/$KERNEL_BUILD/}" && kernel_make C=1 W=1 "$@"
}

# ---------------------------------------------------------------- scripts

check_shell() {
	need shellcheck shellcheck
	install_missing "check the scripts"
	cd "$PROJECT"
	grep -rlE '^#!/bin/(ba)?sh|^# shellcheck shell' scripts .ci | xargs -d '\n' shellcheck -x
}
