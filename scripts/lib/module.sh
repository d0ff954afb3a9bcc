# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Sources of the module.

# Prints the files that the module is built from, by path in the project.
module_sources() {
	(cd "$PROJECT" && find kernel include/uapi -type f \
		\( -name '*.[ch]' -o -name 'K*' -o -name 'Makefile*' \) ! -name '*.mod.c' |
		LC_ALL=C sort)
}
