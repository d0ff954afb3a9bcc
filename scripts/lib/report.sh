# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The results of test runs: reading them out of what the test programs print,
# adding them up, and telling the sum.  A part that ran nothing has failed.

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
}

# Remembers the tests that failed, by a log of any kind read here.
note_failures() {
	local line
	while IFS= read -r line; do
		FAILURES+=("$line")
	done < <(without_colours "$1" | grep -E -m 20 \
		-e '^(# *)*not ok ' -e '^ *(FAIL|TIMEOUT|SIG[A-Z]+) \[' -e '^test .* FAILED$' |
		sort -u)
	FAILURES+=("the whole output is in $1" "")
}

# The last line of all is for machines, too.
conclude() {
	if ((${#FAILURES[@]})); then
		headline "failures"
		printf '%s\n' "${FAILURES[@]}"
	fi
	headline "summary"
	printf '%s\n' "${REPORT[@]}" ""
	printf '%d passed, %d failed, %d skipped\n' "$PASSED" "$FAILED" "$SKIPPED"
	((FAILED == 0))
}

# Each of these reads a log and prints "PASSED FAILED SKIPPED".

without_colours() {
	sed 's/\x1b\[[0-9;]*m//g; s/\r$//' "$1"
}

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

# KTAP as kselftest prints it: the tests of a program stand in front of the
# program itself, one "# " deeper.  A program without any counts as one, and so
# does one that failed though its tests did not: it crashed or took too long.
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
