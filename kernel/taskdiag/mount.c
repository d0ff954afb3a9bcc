// SPDX-License-Identifier: GPL-2.0-only
/*
 * task_diag: the procfs mount of a request, and the part of a task that it shows
 * to a caller without the access check.
 *
 * Two parts decide about a file such as /proc/PID/stat: the options hidepid=
 * and gid= of the mount, and security modules.  This file applies the options
 * itself, as proc_pid_permission() of fs/proc/base.c does.  Security modules
 * decide by the path of the file, so this file opens the files of one task of
 * another user in the context of the caller, once per request, and applies the
 * result to all such tasks.
 *
 * Depends on caller.c and versions.h; must not depend on the access check, the
 * request or the reply.
 */
#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/path.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/proc_fs.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/security.h>
#include <linux/string.h>
#include <linux/sysctl.h>
#include <linux/taskdiag.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#include "taskdiag.h"
#include "versions.h"

#ifndef taskdiag_label_decides
#include <linux/lsm_hooks.h>
#include <uapi/linux/lsm.h>
#endif

/* --- the strict rule ----------------------------------------------------- */

static bool taskdiag_strict;

/* The prefix of a module's parameters is its name. */
#ifndef MODULE
#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "task_diag."
#endif
module_param_named(strict, taskdiag_strict, bool, 0644);
MODULE_PARM_DESC(strict,
		 "Report only tasks that the caller may ptrace, whatever the procfs mount");

#if defined(CONFIG_SYSCTL) && !defined(MODULE)
static struct ctl_table taskdiag_sysctls[] = {
	{
		.procname	= "task_diag_strict",
		.data		= &taskdiag_strict,
		.maxlen		= sizeof(taskdiag_strict),
		.mode		= 0644,
		.proc_handler	= proc_dobool,
	},
};

static int __init taskdiag_sysctl_init(void)
{
	register_sysctl_init("kernel", taskdiag_sysctls);
	return 0;
}
late_initcall(taskdiag_sysctl_init);
#endif

/*
 * SELinux and Smack decide by the label of each task, which no file of another
 * task shows.
 */
#ifndef taskdiag_label_decides
static bool taskdiag_label_decides(void)
{
#ifdef CONFIG_SECURITY
	unsigned int i;

	for (i = 0; i < lsm_active_cnt; i++)
		if (lsm_idlist[i]->id == LSM_ID_SELINUX ||
		    lsm_idlist[i]->id == LSM_ID_SMACK)
			return true;
#endif
	return false;
}
#endif

/**
 * taskdiag_mount_is_strict - check whether the mount of a request is ignored
 *
 * Return: true if the administrator or a security module requires the rule of
 * hidepid=ptraceable.
 */
bool taskdiag_mount_is_strict(void)
{
	return READ_ONCE(taskdiag_strict) || taskdiag_label_decides();
}

/* --- the mount of a request ---------------------------------------------- */

/**
 * taskdiag_mount_pin - hold the procfs mount of a request
 * @caller: destination
 * @root: root directory of the mount, or no mount; its reference is consumed
 *
 * Without a mount that shows the pid namespace of the request, the rule of
 * hidepid=ptraceable applies.
 */
void taskdiag_mount_pin(struct taskdiag_caller *caller, const struct path *root)
{
	if (root->mnt && !taskdiag_mount_is_strict() &&
	    taskdiag_pid_ns_is_within(caller->pid_ns,
				      proc_pid_ns(root->dentry->d_sb)))
		caller->proc = *root;
	else
		path_put(root);
}

/*
 * The kernel closes the files that a step has opened when the system call
 * returns, and they do not count in RLIMIT_NOFILE.
 */
#define TASKDIAG_PROBES_PER_STEP	64

static void forget_probes(struct taskdiag_caller *caller)
{
	unsigned int i;

	caller->others.done = false;
	for (i = 0; i < ARRAY_SIZE(caller->permitted); i++)
		caller->permitted[i].done = false;
	put_pid(caller->decided);
	caller->decided = NULL;
	if (caller->prober)
		put_cred(caller->prober);
	caller->prober = NULL;
}

/**
 * taskdiag_mount_unpin - drop the references of this file
 * @caller: the caller
 */
void taskdiag_mount_unpin(struct taskdiag_caller *caller)
{
	forget_probes(caller);
	put_pid(caller->undecided);
	path_put(&caller->proc);
}

/* As in_group_p(), which uses current's credentials. */
static bool is_in_group(const struct cred *cred, kgid_t gid)
{
	return gid_eq(cred->fsgid, gid) || groups_search(cred->group_info, gid);
}

static bool all_in_group(const struct taskdiag_caller *caller, kgid_t gid)
{
	unsigned int i;

	for (i = 0; i < caller->nr_credsets; i++)
		if (!is_in_group(caller->credsets[i].cred, gid))
			return false;
	return true;
}

/* As has_pid_permissions() of fs/proc/base.c. */
static enum taskdiag_level level_by_options(const struct taskdiag_caller *caller)
{
	const struct proc_fs_info *info = proc_sb_info(caller->proc.dentry->d_sb);
	enum taskdiag_level others;

	switch (READ_ONCE(info->hide_pid)) {
	case HIDEPID_OFF:
		return TASKDIAG_READABLE;
	case HIDEPID_NO_ACCESS:
		others = TASKDIAG_LISTED;
		break;
	case HIDEPID_INVISIBLE:
		others = TASKDIAG_HIDDEN;
		break;
	default:
		return TASKDIAG_HIDDEN;
	}
	return all_in_group(caller, info->pid_gid) ? TASKDIAG_READABLE : others;
}

/**
 * taskdiag_mount_begin_step - begin a part of the reply
 * @caller: the caller
 *
 * Security modules may deny a confined process the files of a task that passes
 * the access check.  The credentials of the first task, which never change, have
 * the state of a process without confinement.
 *
 * Context: Process context of the sender's process.
 */
void taskdiag_mount_begin_step(struct taskdiag_caller *caller)
{
	const struct cred *init = rcu_dereference_raw(init_task.real_cred);

	caller->checks_files = caller->proc.mnt &&
			       !security_same_cred_state(current_cred(), init);
	caller->probes_left = TASKDIAG_PROBES_PER_STEP;
}

/**
 * taskdiag_mount_may_probe - consume the budget of taskdiag_mount_probe()
 * @caller: the caller
 *
 * Return: false if this step has opened the files of enough tasks.
 */
bool taskdiag_mount_may_probe(struct taskdiag_caller *caller)
{
	if (!caller->probes_left)
		return false;
	caller->probes_left--;
	return true;
}

/**
 * taskdiag_mount_enter - begin an RCU section of access checks
 * @caller: the caller, with its sets of credentials
 *
 * The options of the mount, or the caller's credentials, may have changed since
 * the last section.
 */
void taskdiag_mount_enter(struct taskdiag_caller *caller)
{
	if (!caller->proc.mnt)
		return;
	caller->mount_level = level_by_options(caller);
	if (caller->prober &&
	    !taskdiag_same_creds(caller->prober, current_cred()))
		forget_probes(caller);
}

/* --- security modules ---------------------------------------------------- */

/**
 * struct taskdiag_proc_file - a file of a task
 * @name: its name
 * @groups: TASK_DIAG_SHOW_* of the groups with contents of the file; 0: a
 *	process that cannot open it knows only the pid of a task
 * @field: TASKDIAG_DENIED_* of the field that is its only content; 0: without
 *	the file, the whole groups are denied
 */
struct taskdiag_proc_file {
	const char	*name;
	u64		groups;
	u64		field;
};

static const struct taskdiag_proc_file proc_files[] = {
	{ "stat",	0 },
	{ "status",	0 },
	{ "cmdline",	TASK_DIAG_SHOW_CMDLINE },
	{ "cgroup",	TASK_DIAG_SHOW_CGROUP },
	{ "limits",	TASK_DIAG_SHOW_FILES | TASK_DIAG_SHOW_LIMITS },
	{ "oom_score",	TASK_DIAG_SHOW_OOM },
	{ "oom_score_adj", TASK_DIAG_SHOW_OOM },
	{ "timerslack_ns", TASK_DIAG_SHOW_SCHED, TASKDIAG_DENIED_TIMER_SLACK },
#ifdef CONFIG_SCHED_AUTOGROUP
	{ "autogroup",	TASK_DIAG_SHOW_SCHED, TASKDIAG_DENIED_AUTOGROUP },
#endif
};

/* In addition, files of a task that passes the access check. */
static const struct taskdiag_proc_file permitted_files[] = {
	{ "io",		TASK_DIAG_SHOW_IO },
	{ "fdinfo",	TASK_DIAG_SHOW_FILES },
};

/*
 * An open of these files waits for an execve() of the task, so the caller's own
 * files decide for all tasks.
 */
static const struct taskdiag_proc_file own_files[] = {
	{ "environ",	TASK_DIAG_SHOW_ENVIRON },
	{ "maps",	TASK_DIAG_SHOW_VMA },
	{ "smaps",	TASK_DIAG_SHOW_VMA_STAT },
};

/*
 * Open a file or directory below @root as current would, without an event for
 * fanotify: a dump is not a reader of these files.
 */
static int try_open(const struct path *root, const char *name)
{
	struct path path;
	struct file *file;
	int err;

	err = vfs_path_lookup(root->dentry, root->mnt, name,
			      LOOKUP_NO_XDEV | LOOKUP_NO_SYMLINKS, &path);
	if (err)
		return err;
	err = inode_permission(mnt_idmap(path.mnt), d_inode(path.dentry),
			       MAY_READ | MAY_OPEN);
	if (!err) {
		file = taskdiag_open_nonotify(&path, O_RDONLY, current_cred());
		if (IS_ERR(file))
			err = PTR_ERR(file);
		else
			fput(file);
	}
	path_put(&path);
	return err;
}

/* Return true if security modules or file permissions have denied an open. */
static bool is_denial(int err)
{
	return err == -EACCES || err == -EPERM;
}

/* Open a file of the task with the pid @nr in the mount's pid namespace. */
static int try_open_of(const struct path *root, pid_t nr, const char *name)
{
	char path[sizeof("2147483647/oom_score_adj")];

	snprintf(path, sizeof(path), "%d/%s", nr, name);
	return try_open(root, path);
}

/*
 * Open the files of a task that every user may read by their mode.  Return an
 * error as probe_files() does.
 */
static int probe_readable(const struct taskdiag_caller *caller,
			  struct taskdiag_probe *probe, pid_t nr)
{
	const struct taskdiag_proc_file *file;
	int err;

	for (file = proc_files; file < proc_files + ARRAY_SIZE(proc_files);
	     file++) {
		if (file->groups && !(file->groups & caller->wanted))
			continue;
		err = try_open_of(&caller->proc, nr, file->name);
		if (!err)
			continue;
		if (!is_denial(err))
			return err == -ESRCH ? -ENOENT : err;
		probe->denied |= file->field ?: file->groups;
		if (!file->groups ||
		    (!file->field && (file->groups & caller->needed)))
			probe->level = TASKDIAG_LISTED;
	}
	return 0;
}

/* Open files of the task @nr.  Any error denies the groups of a file. */
static u64 denied_groups(const struct taskdiag_caller *caller,
			 const struct taskdiag_proc_file *file, size_t nr_files,
			 pid_t nr)
{
	const struct taskdiag_proc_file *end = file + nr_files;
	u64 denied = 0;

	for (; file < end; file++)
		if (file->groups & caller->wanted &&
		    try_open_of(&caller->proc, nr, file->name))
			denied |= file->groups;
	return denied;
}

/*
 * Open the files that need the access check, for a confined caller.  Those about
 * memory are readable without it if a task has no memory.
 */
static void probe_checked(const struct taskdiag_caller *caller,
			  struct taskdiag_probe *probe, pid_t nr)
{
	struct pid_namespace *ns = proc_pid_ns(caller->proc.dentry->d_sb);
	const pid_t own = task_pid_nr_ns(current, ns);

	if (probe->permitted)
		probe->denied |= denied_groups(caller, permitted_files,
					       ARRAY_SIZE(permitted_files), nr);
	/*
	 * Without a pid there, the caller has no such files.  Then these groups are
	 * denied, unless they are empty as the task has no memory.
	 */
	if (own || probe->permitted)
		probe->denied |= denied_groups(caller, own_files,
					       ARRAY_SIZE(own_files), own);
}

/*
 * Open the files of a task.  Return 0 with the result, -ENOENT if the task is
 * gone, -EXDEV if something else is mounted on its directory, or an error that
 * is not about the task.
 */
static int probe_files(const struct taskdiag_caller *caller,
		       struct taskdiag_probe *probe, pid_t nr, bool permitted)
{
	int err;

	*probe = (struct taskdiag_probe) {
		.permitted	= permitted,
		.level		= TASKDIAG_READABLE,
	};
	err = probe_readable(caller, probe, nr);
	if (err)
		return err;
	if (probe->level == TASKDIAG_READABLE) {
		if (caller->checks_files)
			probe_checked(caller, probe, nr);
		return 0;
	}
	/* With permission for the directory only, a process can list pids. */
	err = try_open(&caller->proc, ".");
	if (is_denial(err)) {
		probe->level = TASKDIAG_HIDDEN;
		return 0;
	}
	return err;
}

/*
 * Return true if no file of the task belongs to the caller.  Security modules
 * may have rules for files of the same owner only.  root of a user namespace
 * owns the files of a task that is not dumpable, and the task can change that,
 * as it can choose among its user ids.
 */
static bool is_other(struct task_struct *task)
{
	const struct cred *tcred = __task_cred(task);
	struct user_namespace *ns = tcred->user_ns;
	const kuid_t fsuid = current_fsuid();

	while (!uid_eq(fsuid, make_kuid(ns, 0))) {
		if (ns == &init_user_ns)
			return !uid_eq(fsuid, tcred->uid) &&
			       !uid_eq(fsuid, tcred->euid) &&
			       !uid_eq(fsuid, tcred->suid);
		ns = ns->parent;
	}
	return false;
}

/*
 * Return whether the files of the task belong to the caller, and whether the
 * directories do: the latter belong to the effective user of a task that is not
 * dumpable.
 */
static unsigned int ownership(struct task_struct *task)
{
	const kuid_t fsuid = current_fsuid();

	return uid_eq(taskdiag_proc_uid(task), fsuid) |
	       uid_eq(__task_cred(task)->euid, fsuid) << 1;
}

/*
 * Return the result that applies to all tasks like @task; NULL if each of these
 * is decided by itself.
 */
static struct taskdiag_probe *shared_probe(struct taskdiag_caller *caller,
					   struct task_struct *task,
					   bool permitted)
{
	if (permitted)
		return &caller->permitted[ownership(task)];
	return is_other(task) ? &caller->others : NULL;
}

/**
 * struct probed - properties of a task that its result depends on
 * @shared: see shared_probe(); NULL if the task is gone
 * @exec_id: program of the task
 */
struct probed {
	struct taskdiag_probe	*shared;
	u64			exec_id;
};

static struct probed probed_now(struct taskdiag_caller *caller, struct pid *pid,
				bool permitted)
{
	struct probed probed = {};
	struct task_struct *task;

	rcu_read_lock();
	task = pid_task(pid, PIDTYPE_PID);
	if (task) {
		probed.shared = shared_probe(caller, task, permitted);
		probed.exec_id = READ_ONCE(task->self_exec_id);
	}
	rcu_read_unlock();
	return probed;
}

/**
 * taskdiag_mount_probe - open the files of caller->undecided
 * @caller: the caller
 *
 * The result applies to all tasks with equal properties, see shared_probe(), if
 * the task kept these and ran one program all the time.  Any other result
 * applies to this task only.
 *
 * Opening a file may wait for the root directory of the mount, which another
 * process can keep locked.
 *
 * Context: Process context of the sender's process, without locks that others
 * need.  May sleep.
 *
 * Return: 0 or an error that ends the dump.
 */
int taskdiag_mount_probe(struct taskdiag_caller *caller)
{
	struct pid_namespace *ns = proc_pid_ns(caller->proc.dentry->d_sb);
	const bool permitted = caller->undecided_permitted;
	struct probed before, after;
	int err;

	if (!caller->prober)
		caller->prober = get_current_cred();
	put_pid(caller->decided);
	caller->decided = caller->undecided;
	caller->undecided = NULL;

	before = probed_now(caller, caller->decided, permitted);
	err = probe_files(caller, &caller->single,
			  pid_nr_ns(caller->decided, ns), permitted);
	after = probed_now(caller, caller->decided, permitted);
	switch (err) {
	case 0:
		if (before.shared && before.shared == after.shared &&
		    before.exec_id == after.exec_id) {
			*before.shared = caller->single;
			before.shared->done = true;
		}
		return 0;
	case -ENOENT:
		caller->single.level = TASKDIAG_HIDDEN;
		return 0;
	case -EXDEV:
		caller->single.level = TASKDIAG_LISTED;
		return 0;
	}
	return err;
}

/*
 * Return the result of opening the files of the task; NULL if
 * taskdiag_mount_probe() must run first.
 */
static const struct taskdiag_probe *find_probe(struct taskdiag_caller *caller,
					       struct task_struct *task,
					       struct pid *pid, bool permitted)
{
	const struct taskdiag_probe *probe;

	if (caller->decided == pid)
		return &caller->single;
	probe = shared_probe(caller, task, permitted);
	if (probe && probe->done)
		return probe;
	put_pid(caller->undecided);
	caller->undecided = get_pid(pid);
	caller->undecided_permitted = permitted;
	return NULL;
}

/*
 * Groups that need the access check.  Files about memory are empty for every
 * reader that may open them if the task has no memory: mm_access() of
 * kernel/fork.c then checks nothing.
 */
static u64 checked_groups(const struct task_struct *task)
{
	if (task->flags & PF_KTHREAD || !READ_ONCE(task->mm))
		return TASKDIAG_PTRACE_GROUPS &
		       ~(TASKDIAG_SHOW_VMAS | TASK_DIAG_SHOW_ENVIRON);
	return TASKDIAG_PTRACE_GROUPS;
}

/**
 * taskdiag_mount_level - return the level of a task that may not be ptraced
 * @caller: the caller, after taskdiag_mount_enter() in the same RCU section,
 *	with a mount that does not hide all such tasks
 * @task: the task
 * @denied: receives TASK_DIAG_SHOW_* of the groups that may not be read
 *
 * Context: RCU read-side critical section.
 *
 * Return: the level; TASKDIAG_UNDECIDED if taskdiag_mount_probe() must run
 * first.
 */
enum taskdiag_level taskdiag_mount_level(struct taskdiag_caller *caller,
					 struct task_struct *task, u64 *denied)
{
	const struct taskdiag_probe *probe;
	struct pid *pid = task_pid(task);
	enum taskdiag_level level;

	/* A task without a pid is being reaped. */
	if (!pid)
		return TASKDIAG_HIDDEN;
	probe = find_probe(caller, task, pid, false);
	if (!probe)
		return TASKDIAG_UNDECIDED;
	level = min(caller->mount_level, probe->level);
	*denied = level == TASKDIAG_READABLE ?
		checked_groups(task) | probe->denied : U64_MAX;
	return level;
}

/**
 * taskdiag_mount_permitted_level - return the level of a task that may be
 * ptraced
 * @caller: the caller, with checks_files, after taskdiag_mount_enter() in the
 *	same RCU section
 * @task: the task
 * @denied: receives TASK_DIAG_SHOW_* of the groups that may not be read
 *
 * A process may always see itself.
 *
 * Context: RCU read-side critical section.
 *
 * Return: the level; TASKDIAG_UNDECIDED if taskdiag_mount_probe() must run
 * first.
 */
enum taskdiag_level
taskdiag_mount_permitted_level(struct taskdiag_caller *caller,
			       struct task_struct *task, u64 *denied)
{
	const struct taskdiag_probe *probe;
	struct pid *pid = task_pid(task);

	if (!pid)
		return TASKDIAG_HIDDEN;
	if (task_tgid(task) == caller->process)
		return TASKDIAG_FULL;
	probe = find_probe(caller, task, pid, true);
	if (!probe)
		return TASKDIAG_UNDECIDED;
	*denied = U64_MAX;
	if (probe->level != TASKDIAG_READABLE)
		return probe->level;
	*denied = probe->denied;
	/* The task may have passed the access check since. */
	if (!probe->permitted)
		*denied |= TASKDIAG_PTRACE_GROUPS | TASK_DIAG_SHOW_FILES;
	return TASKDIAG_FULL;
}
