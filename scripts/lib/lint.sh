# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Checks of the sources that do not boot a kernel, and the runner of these checks.
# scripts/check and .ci/run use them.

# ---------------------------------------------------------------- steps

FAILED_STEPS=()
STEP_LOGS=()

# step NAME COMMAND...: runs a check, shows and keeps its output, and continues
# even if the check fails.
step() {
	local name=$1 begun=$SECONDS status log
	shift
	if [[ -z ${STEP_LOG_DIR-} ]]; then
		make_log_dir step-logs
		STEP_LOG_DIR=$LOG_DIR
	fi
	log=$STEP_LOG_DIR/${name//[^A-Za-z0-9]/-}.log
	headline "$name"
	set +e
	(
		set -e
		# The output goes to a pipe, for which cargo omits the colours.
		if [[ -t 1 ]]; then
			export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-always}
		fi
		"$@"
	) 2>&1 | tee "$log"
	status=${PIPESTATUS[0]}
	set -e
	if ((status)); then
		FAILED_STEPS+=("$name")
		STEP_LOGS+=("$log")
		say "$name: failed after $((SECONDS - begun)) s"
	else
		say "$name: passed, $((SECONDS - begun)) s"
	fi
}

# Prints the failures of each failed step and, last, the names of these steps.
conclude_steps() {
	local i
	if ((!${#FAILED_STEPS[@]})); then
		say "all steps passed"
		return
	fi
	for i in "${!FAILED_STEPS[@]}"; do
		headline "failed: ${FAILED_STEPS[i]} (output: ${STEP_LOGS[i]})"
		print_failures "${STEP_LOGS[i]}"
	done
	say "failed: $(printf '%s, ' "${FAILED_STEPS[@]}" | sed 's/, $//')"
	return 1
}

# ------------------------------------------------------------------- Rust

need_rust_component() {
	cargo "$1" --version >/dev/null 2>&1 && return
	command -v rustup >/dev/null ||
		die "cargo $1 is missing; install Rust as described at https://rustup.rs"
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
		say "cargo-nextest is missing; running cargo test"
		cargo test --workspace --all-features --all-targets --locked
	fi
}

# ----------------------------------------------------------------- kernel

need_checkpatch() {
	need git git
	perl -MTerm::ANSIColor -e 1 2>/dev/null || MISSING+=(perl)
	install_missing "run checkpatch.pl"
}

# Prints the C files and patches of the project, by path in the project.
c_files() {
	(cd "$PROJECT" && find kernel include selftests scripts \
		\( -name '*.[ch]' -o -name '*.patch' \) -type f | sort)
}

# Prints the C files that differ from the upstream branch, or else from HEAD.
changed_c_files() {
	local base
	base=$(git -C "$PROJECT" merge-base HEAD '@{upstream}' 2>/dev/null || echo HEAD)
	{
		git -C "$PROJECT" diff --name-only --diff-filter=d "$base"
		git -C "$PROJECT" ls-files --others --exclude-standard
	} | sort -u | comm -12 - <(c_files)
}

# Rules of checkpatch.pl for code in a kernel tree, which knows its version.  The
# files of kernel/compat/ are for other trees, and versions.h is for several.
COMPAT_LICENCE=(--no-tree --ignore LINUX_VERSION_CODE
	--ignore CONSTANT_COMPARISON --ignore NEW_TYPEDEFS --ignore COMPLEX_MACRO
	--ignore MACRO_WITH_FLOW_CONTROL --ignore MACRO_ARG_REUSE
	--ignore MACRO_ARG_UNUSED --ignore TRAILING_SEMICOLON
	--ignore MULTISTATEMENT_MACRO_USE_DO_WHILE)

# check_patch_style < list of files: runs checkpatch.pl on each file at its path in
# a kernel tree, on which the rules of checkpatch.pl depend.
check_patch_style() {
	local file place bad=0 count=0
	while IFS= read -r file; do
		count=$((count + 1))
		case $file in
		*.patch) place=(--patch "$PROJECT/$file") ;;
		selftests/*) place=(--file "tools/testing/$file") ;;
		kernel/compat* | kernel/taskdiag/versions.h) place=("${COMPAT_LICENCE[@]}" --file "$PROJECT/$file") ;;
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
	say "checkpatch.pl --strict checked $count files"
	return "$bad"
}

check_all_patch_style() {
	need_checkpatch
	c_files | check_patch_style
}

# Compares the dependencies between the kernel files with the list in taskdiag.h.
check_kernel_layers() {
	need python3 python3
	install_missing "check the layers of the kernel code"
	python3 "$PROJECT/scripts/lib/layers.py"
}

check_changed_patch_style() {
	need_checkpatch
	changed_c_files | check_patch_style
}

# Checks the files of task_diag only, in a separate build directory: W=1 would
# cause a complete build in the other one.
check_sparse() {
	local log objects
	need sparse sparse
	install_missing "check the kernel code"
	need_build_tools
	lock_cache
	KERNEL_BUILD=$KERNEL_HOME/build-sparse
	log=$KERNEL_HOME/sparse.log
	objects=$(cd "$PROJECT" && printf '%s\n' kernel/taskdiag.c kernel/taskdiag/*.c |
		sed 's/c$/o/')
	# shellcheck disable=SC2086
	run_sparse $objects >"$log" 2>&1 || {
		tail -n 30 "$log"
		return 1
	}
	# Only errors in the files of task_diag, not in the headers of the kernel.
	unlock_cache
	! grep -E '(^|/)(kernel|linux)/taskdiag[^ ]*:[0-9]+' "$log"
}

run_sparse() {
	configure_kernel uml && kernel_make -j"$(nproc)" prepare &&
		rm -f "${@/#/$KERNEL_BUILD/}" && kernel_make C=1 W=1 "$@"
}

# ---------------------------------------------------------------- documents

need_python() {
	need python3 /usr/bin/python3
	install_missing "check the documents"
}

# Links, paths, and names of functions and tests in the Markdown documents.
check_documents() {
	need_python
	(cd "$PROJECT" && scripts/lib/doc-lint.py)
}

# check_prose [BASE]: reports unclear wording on lines added since BASE, by
# default origin/main, and fails if the tree has more of it than permitted.
check_prose() {
	need_python
	(cd "$PROJECT" && scripts/lib/prose-lint.py "$@")
}

# ---------------------------------------------------------------- scripts

# Tests of the checks themselves.
check_checks() {
	need_python
	"$PROJECT/scripts/tests/checks"
}

check_shell() {
	need shellcheck shellcheck
	install_missing "check the scripts"
	cd "$PROJECT"
	grep -rlE '^#!/bin/(ba)?sh|^# shellcheck shell' scripts .ci | xargs -d '\n' shellcheck -x
}
