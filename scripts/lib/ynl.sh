# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# YNL, the tools of Linux for netlink families: the tools of the kernel tree of
# tree.sh and those of the newest kernel that Debian has, and the C client that
# they generate.

need_ynl() {
	need python3 /usr/bin/python3
	need gcc gcc
	need libc6-dev /usr/include/stdio.h
	install_missing "run YNL, the netlink tools of Linux"
	need_python_module python3-yaml yaml
	need_python_module python3-jsonschema jsonschema
	install_missing "run YNL, the netlink tools of Linux"
}

# ------------------------------------------------------------ the newest kernel

# Directory with the parts of the newest kernel's tree that YNL consists of.
newest_ynl() {
	printf %s "$CACHE/ynl-newest/tree"
}

newest_ynl_version() {
	cat "$CACHE/ynl-newest/version"
}

# Makes newest_ynl complete.  It stays the newest until the directory is deleted.
# Prints the reason if that fails.
fetch_newest_ynl() {
	local dir=$CACHE/ynl-newest
	if [[ ! -f $dir/version ]]; then
		rm -rf "$dir"
		mkdir -p "$dir/apt/lists/partial" "$dir/apt/archives/partial"
		if ! download_newest_ynl "$dir" >"$dir/log" 2>&1; then
			printf 'cannot download the newest kernel source: %s\n' \
				"$(tail -n 1 "$dir/log")"
			return 1
		fi
		rm -rf "$dir/apt"
		mv "$dir/version.new" "$dir/version"
	fi
	cp "$PROJECT/include/netlink/taskdiag.yaml" "$dir/tree/Documentation/netlink/specs/"
}

download_newest_ynl() {
	local dir=$1 package version
	list_newest_packages "$dir" || return
	package=$(apt_newest apt-cache search --names-only '^linux-source-[0-9.]+$' |
		cut -d ' ' -f 1 | sort -V | tail -n 1)
	[[ -n $package ]] || {
		echo "the archive has no kernel source"
		return 1
	}
	version=${package#linux-source-}
	(cd "$dir" && apt_newest apt-get -q download "$package") || return
	mkdir -p "$dir/tree"
	dpkg-deb --fsys-tarfile "$dir"/*.deb | tar -xO "./usr/src/$package.tar.xz" |
		tar -xJ -C "$dir/tree" --strip-components=1 \
			"$package"/{tools/net/ynl,Documentation/netlink,include/uapi,MAINTAINERS} ||
		return
	rm "$dir"/*.deb
	echo "$version" >"$dir/version.new"
}

# The archive that this host installs from has the newest kernels too, in
# suites of their own.  Lists and packages go to the cache.
list_newest_packages() {
	local dir=$1 archive
	# shellcheck disable=SC2016 # apt-get replaces it
	archive=$(apt-get indextargets --format '$(REPO_URI)' \
		'Identifier: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1)
	[[ -n $archive ]] || {
		echo "apt-get knows no archive of Debian"
		return 1
	}
	printf 'deb %s %s main\n' "$archive" unstable "$archive" experimental \
		>"$dir/apt/sources.list"
	apt_newest apt-get -q update
}

# apt_newest COMMAND...: with those suites instead of the host's own.
apt_newest() {
	local command=$1 apt=$CACHE/ynl-newest/apt
	shift
	timeout 300 "$command" -o Dir::Etc::SourceList="$apt/sources.list" \
		-o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$apt/lists" \
		-o Dir::Cache="$apt" -o APT::Sandbox::User="$(id -un)" \
		-o Acquire::Languages=none "$@" </dev/null
}

# ----------------------------------------------------------------- the C client

# Directory of the client that was generated with the tools of a kernel version.
ynl_client_dir() {
	printf %s "$CACHE/ynl-clients/$1"
}

# build_ynl_client VERSION TREE: generates code from taskdiag.yaml, and builds
# the client with it.
build_ynl_client() {
	local version=$1 tree=$2 dir options
	local library=$tree/tools/net/ynl/lib
	dir=$(ynl_client_dir "$version")
	rm -rf "$dir"
	mkdir -p "$dir"
	generate_ynl_code "$tree" "$dir" --header taskdiag-user.h
	generate_ynl_code "$tree" "$dir" --source taskdiag-user.c
	options=(-std=gnu11 -O1 -I "$dir" -I "$library" -I "$PROJECT/include/uapi"
		-idirafter "$tree/include/uapi")
	# Older generators keep lengths with the flags of presence.
	if grep -q '__u32 msg_len;' "$dir/taskdiag-user.h"; then
		options+=(-DYNL_LENGTHS_IN_PRESENT)
	fi
	# Without warnings: those of the library are not ours.
	gcc "${options[@]}" -w -c "$library/ynl.c" -o "$dir/ynl.o" >&2 ||
		die "the library of YNL of Linux $version does not compile"
	gcc "${options[@]}" -Wall -Werror "$PROJECT/scripts/tests/netlink/ynl-client.c" \
		"$dir/taskdiag-user.c" "$dir/ynl.o" -o "$dir/ynl-client" >&2 ||
		die "the code that YNL of Linux $version generates does not compile"
}

# generate_ynl_code TREE DIR --header|--source FILE
generate_ynl_code() {
	local generator
	for generator in "$1"/tools/net/ynl/{pyynl/ynl_gen_c,ynl-gen-c}.py; do
		[[ -e $generator ]] && break
	done
	/usr/bin/python3 -B "$generator" --mode user "$3" -o "$2/$4" \
		--spec "$1/Documentation/netlink/specs/taskdiag.yaml" >&2 ||
		die "$generator rejects taskdiag.yaml"
}
