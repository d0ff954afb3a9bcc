// SPDX-License-Identifier: GPL-2.0-only
/* Assuming credentials. */
#include <errno.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/securebits.h>

#include "credentials.h"

#define CAP_WORDS _LINUX_CAPABILITY_U32S_3

/*
 * The C library's wrappers change all threads of a process.  These direct
 * system calls change the calling thread only.
 */
static int raw_setresuid(const struct ids *id)
{
	return syscall(SYS_setresuid, id->real, id->effective, id->saved);
}

static int raw_setresgid(const struct ids *id)
{
	return syscall(SYS_setresgid, id->real, id->effective, id->saved);
}

/* setfsuid() and setfsgid() return the previous id, so call again to check. */
static int raw_setfsuid(__u32 id)
{
	syscall(SYS_setfsuid, id);
	return (__u32)syscall(SYS_setfsuid, -1) == id ? 0 : -1;
}

static int raw_setfsgid(__u32 id)
{
	syscall(SYS_setfsgid, id);
	return (__u32)syscall(SYS_setfsgid, -1) == id ? 0 : -1;
}

static int own_permitted(__u64 *set)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[CAP_WORDS] = {};

	if (syscall(SYS_capget, &head, data))
		return -1;
	*set = data[0].permitted | (__u64)data[1].permitted << 32;
	return 0;
}

static int set_caps(const struct credentials *creds)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[CAP_WORDS] = {};
	__u64 permitted;
	int i;

	if (own_permitted(&permitted))
		return -1;
	permitted &= creds->permitted;
	for (i = 0; i < CAP_WORDS; i++) {
		data[i].permitted = permitted >> 32 * i;
		data[i].effective = (permitted & creds->effective) >> 32 * i;
		data[i].inheritable = (permitted & creds->inheritable) >>
				      32 * i;
	}
	return syscall(SYS_capset, &head, data);
}

static int drop_bounds(__u64 dropped)
{
	int cap;

	for (cap = 0; cap < 64; cap++)
		if (dropped & CAP_BIT(cap) &&
		    prctl(PR_CAPBSET_READ, cap) == 1 &&
		    prctl(PR_CAPBSET_DROP, cap))
			return -1;
	return 0;
}

static int raise_ambient(__u64 ambient)
{
	int cap;

	for (cap = 0; cap < 64; cap++)
		if (ambient & CAP_BIT(cap) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0))
			return -1;
	return 0;
}

int credentials_assume(const struct credentials *creds, const char **step)
{
	/* Keep all capabilities until the last step that needs one. */
	const int keep_caps = SECBIT_NO_SETUID_FIXUP | SECBIT_KEEP_CAPS;

	*step = "PR_SET_SECUREBITS before";
	if (prctl(PR_SET_SECUREBITS, keep_caps))
		return -errno;
	*step = "setresgid";
	if (raw_setresgid(&creds->gid))
		return -errno;
	*step = "setfsgid";
	if (raw_setfsgid(creds->gid.fs))
		return -EPERM;
	*step = "setgroups";
	if (syscall(SYS_setgroups, creds->group ? 1 : 0, &creds->group))
		return -errno;
	*step = "setresuid";
	if (raw_setresuid(&creds->uid))
		return -errno;
	*step = "setfsuid";
	if (raw_setfsuid(creds->uid.fs))
		return -EPERM;
	*step = "PR_CAPBSET_DROP";
	if (drop_bounds(creds->dropped))
		return -errno;

	/*
	 * SECBIT_NO_CAP_AMBIENT_RAISE and capset() may forbid later steps:
	 * ambient needs the permitted set in place, and the securebits need
	 * CAP_SETPCAP.
	 */
	if (creds->ambient) {
		struct credentials all = *creds;

		*step = "capset for ambient";
		all.permitted = CAP_ALL;
		all.effective = CAP_ALL;
		if (set_caps(&all))
			return -errno;
		*step = "PR_CAP_AMBIENT_RAISE";
		if (raise_ambient(creds->ambient))
			return -errno;
	}
	*step = "PR_SET_SECUREBITS";
	if (prctl(PR_SET_SECUREBITS, creds->securebits))
		return -errno;
	*step = "capset";
	if (set_caps(creds))
		return -errno;

	*step = "PR_SET_NO_NEW_PRIVS";
	if (creds->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	/* A change of ids or capabilities has made the process undumpable. */
	*step = "PR_SET_DUMPABLE";
	if (prctl(PR_SET_DUMPABLE, !creds->undumpable))
		return -errno;
	return 0;
}
