# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Results of test runs: reads them from the output of the test programs, adds
# them up and prints the sum.  A part that ran no test has failed.

REPORT=()
FAILURES=()
PASSED=0 FAILED=0 SKIPPED=0

# headline TEXT
headline() {
	local bold='' plain=''
	if [[ -t 1 ]]; then
		bold=$'\e[1m' plain=$'\e[0m'
	fi
	printf '%s== %s%s\n' "$bold" "$*" "$plain"
}

# make_log_dir NAME: sets LOG_DIR to a new directory below NAME in the cache.
# The directories of the last five calls are kept.
make_log_dir() {
	local parent=$CACHE/$1
	LOG_DIR=$parent/$(date +%Y%m%d-%H%M%S)-$$
	mkdir -p "$LOG_DIR"
	(cd "$parent" && find . -mindepth 1 -maxdepth 1 | sort -r |
		tail -n +6 | xargs -r rm -rf --)
}

# report PART PASSED FAILED SKIPPED [NOTE]
report() {
	local part=$1 passed=$2 failed=$3 skipped=$4 note=${5-}
	if ((passed + failed == 0)); then
		failed=1
		note+="${note:+; }no test ran"
	fi
	PASSED=$((PASSED + passed))
	FAILED=$((FAILED + failed))
	SKIPPED=$((SKIPPED + skipped))
	REPORT+=("$(printf '%-12s %6d passed %4d failed %4d skipped%s' \
		"$part" "$passed" "$failed" "$skipped" "${note:+  ($note)}")")
	if ((failed)); then
		FAILURES+=("$part: $failed failed${note:+ ($note)}")
	fi
}

without_colours() {
	sed 's/\x1b\[[0-9;]*m//g; s/\r$//' "$1"
}

FAILURE_LINES=20

# Prints the lines of a log that name failed tests, in each format that is read
# here, and the first lines of a report of the VM.
failed_tests() {
	without_colours "$1" | awk -v max="$FAILURE_LINES" '
		function show() {
			if (!seen[$0]++ && shown++ < max)
				print
		}
		/# SKIP/ { next }
		/^(# *)*not ok / || /^ *(FAIL|TIMEOUT|SIG[A-Z]+) \[/ || /^test .* FAILED$/ { show() }
		/^scripts\/run: .*; from / { show(); report = 5; next }
		report && /^    / { show(); report--; next }
		{ report = 0 }'
}

# note_failures LOG: remembers the failed tests of a log.
note_failures() {
	local line
	while IFS= read -r line; do
		FAILURES+=("$line")
	done < <(failed_tests "$1")
	FAILURES+=("complete output: $1" "")
}

# The failures are near the end, where they are in the rest of a truncated log.
# The last line is also read by programs.
conclude() {
	headline "summary"
	printf '%s\n' "${REPORT[@]}" ""
	if ((${#FAILURES[@]})); then
		headline "failures"
		printf '%s\n' "${FAILURES[@]}"
	fi
	printf '%d passed, %d failed, %d skipped\n' "$PASSED" "$FAILED" "$SKIPPED"
	((FAILED == 0))
}

# print_failures LOG: prints the last list of failures that conclude() has
# written to a log, or else the failed tests and the last lines of the log.
print_failures() {
	local list last
	list=$(without_colours "$1" | awk '/^== failures$/ { on = 1; text = "" }
		/^== summary$/ { on = 0 }
		on { text = text $0 "\n" }
		END { printf "%s", text }' | tail -n 60)
	if [[ -n $list ]]; then
		printf '%s\n' "$list"
		return
	fi
	last=$(without_colours "$1" | tail -n 30)
	{
		failed_tests "$1"
		printf '%s\n' "$last"
	} | awk '!NF || !seen[$0]++'
}

# Each of the following functions reads a log and prints "PASSED FAILED SKIPPED".

count_nextest() {
	without_colours "$1" | awk '
		function number_before(word) {
			if (!match($0, "[0-9]+ " word))
				return 0
			return substr($0, RSTART, RLENGTH) + 0
		}
		$1 == "Summary" {
			passed += number_before("passed")
			failed += number_before("failed")
			failed += number_before("timed out")
			skipped += number_before("skipped")
		}
		END { print passed + 0, failed + 0, skipped + 0 }'
}

count_libtest() {
	without_colours "$1" | awk '
		/^test result: / {
			gsub(/[^0-9 ]/, "")
			passed += $1; failed += $2; skipped += $3
		}
		END { print passed + 0, failed + 0, skipped + 0 }'
}

# KTAP as kselftest prints it: the tests of a program precede the program itself,
# with one "# " more.  A program without tests counts as one test.  So does a
# program that failed while its tests passed: it crashed or exceeded its time.
count_ktap() {
	without_colours "$1" | awk '
		/^# *(not )?ok [0-9]/ {
			if (/# SKIP/) skipped++
			else if (/not ok/) failed++
			else passed++
			inner++
			if (/not ok/ && !/# SKIP/) inner_failed++
		}
		/^(not )?ok [0-9]/ {
			if (/# SKIP/) { if (!inner) skipped++ }
			else if (/^not ok/) { if (!inner_failed) failed++ }
			else if (!inner) passed++
			inner = inner_failed = 0
		}
		END { print passed + 0, failed + 0, skipped + 0 }'
}
