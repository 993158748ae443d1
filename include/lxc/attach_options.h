/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a process enters a running container: options of lxc_container.attach(). */
#ifndef __LXC_ATTACH_OPTIONS_H
#define __LXC_ATTACH_OPTIONS_H

#include <errno.h>
#include <stddef.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What becomes of the caller's environment. */
typedef enum lxc_attach_env_policy_t {
  LXC_ATTACH_KEEP_ENV = 0,  /* inherited, then extended */
  LXC_ATTACH_CLEAR_ENV = 1, /* only extra_keep_env survives, PATH gets its default */
#define LXC_ATTACH_KEEP_ENV LXC_ATTACH_KEEP_ENV
#define LXC_ATTACH_CLEAR_ENV LXC_ATTACH_CLEAR_ENV
} lxc_attach_env_policy_t;

/* attach_flags. The lower sixteen bits are set by default. */
enum {
  LXC_ATTACH_MOVE_TO_CGROUP = 0x00000001,    /* joins the container's control groups */
  LXC_ATTACH_DROP_CAPABILITIES = 0x00000002, /* has no capability that the container lacks */
  LXC_ATTACH_SET_PERSONALITY = 0x00000004,   /* runs under the container's personality */
  LXC_ATTACH_LSM_EXEC = 0x00000008,          /* takes the container's security label when it executes */

  LXC_ATTACH_REMOUNT_PROC_SYS = 0x00010000, /* fresh /proc and /sys when the mount namespace stays the caller's */
  LXC_ATTACH_LSM_NOW = 0x00020000,          /* takes the security label at once */
  LXC_ATTACH_NO_NEW_PRIVS = 0x00040000,     /* sets no_new_privs */
  LXC_ATTACH_TERMINAL = 0x00080000,         /* makes a terminal in the container; attach() returns when it ends */
  LXC_ATTACH_LSM_LABEL = 0x00100000,        /* uses lsm_label instead of the container's */
  LXC_ATTACH_SETGROUPS = 0x00200000,        /* sets the supplementary groups of `groups` */
#define LXC_ATTACH_MOVE_TO_CGROUP LXC_ATTACH_MOVE_TO_CGROUP
#define LXC_ATTACH_DROP_CAPABILITIES LXC_ATTACH_DROP_CAPABILITIES
#define LXC_ATTACH_SET_PERSONALITY LXC_ATTACH_SET_PERSONALITY
#define LXC_ATTACH_LSM_EXEC LXC_ATTACH_LSM_EXEC
#define LXC_ATTACH_REMOUNT_PROC_SYS LXC_ATTACH_REMOUNT_PROC_SYS
#define LXC_ATTACH_LSM_NOW LXC_ATTACH_LSM_NOW
#define LXC_ATTACH_NO_NEW_PRIVS LXC_ATTACH_NO_NEW_PRIVS
#define LXC_ATTACH_TERMINAL LXC_ATTACH_TERMINAL
#define LXC_ATTACH_LSM_LABEL LXC_ATTACH_LSM_LABEL
#define LXC_ATTACH_SETGROUPS LXC_ATTACH_SETGROUPS

  LXC_ATTACH_DEFAULT = 0x0000FFFF
#define LXC_ATTACH_DEFAULT LXC_ATTACH_DEFAULT
};

#define LXC_ATTACH_LSM (LXC_ATTACH_LSM_EXEC | LXC_ATTACH_LSM_NOW | LXC_ATTACH_LSM_LABEL)

/* personality: the container's own. */
#define LXC_ATTACH_DETECT_PERSONALITY ~0L

/* Runs in the new process, inside the container; what it returns becomes the exit status. */
typedef int (*lxc_attach_exec_t)(void* payload);

typedef struct lxc_groups_t {
  size_t size;
  gid_t* list;
} lxc_groups_t;

typedef struct lxc_attach_options_t {
  int attach_flags;  /* LXC_ATTACH_* */
  int namespaces;    /* CLONE_NEW* mask; -1: all that differ from the caller's, and written back */
  long personality;  /* PER_*, or LXC_ATTACH_DETECT_PERSONALITY */
  char* initial_cwd; /* NULL: the caller's where it exists inside, else "/" */
  uid_t uid, gid;    /* inside; -1: root of the container */
  lxc_attach_env_policy_t env_policy;
  char** extra_env_vars;              /* NAME=VALUE, NULL-terminated; may be NULL */
  char** extra_keep_env;              /* names, NULL-terminated; may be NULL */
  int stdin_fd, stdout_fd, stderr_fd; /* of the caller; become 0, 1, 2 */
  int log_fd;                         /* with LXC_ATTACH_TERMINAL: gets a copy of what the terminal shows; < 0: none */
  char* lsm_label;                    /* with LXC_ATTACH_LSM_LABEL */
  lxc_groups_t groups;                /* with LXC_ATTACH_SETGROUPS */
} lxc_attach_options_t;

#define LXC_ATTACH_OPTIONS_DEFAULT                        \
  {                                                       \
      /* .attach_flags = */ LXC_ATTACH_DEFAULT,           \
      /* .namespaces = */ -1,                             \
      /* .personality = */ LXC_ATTACH_DETECT_PERSONALITY, \
      /* .initial_cwd = */ NULL,                          \
      /* .uid = */ (uid_t) - 1,                           \
      /* .gid = */ (gid_t) - 1,                           \
      /* .env_policy = */ LXC_ATTACH_KEEP_ENV,            \
      /* .extra_env_vars = */ NULL,                       \
      /* .extra_keep_env = */ NULL,                       \
      /* .stdin_fd = */ 0,                                \
      /* .stdout_fd = */ 1,                               \
      /* .stderr_fd = */ 2,                               \
      /* .log_fd = */ -EBADF,                             \
      /* .lsm_label = */ NULL,                            \
      /* .groups = */ {0, NULL},                          \
  }

/* Payload of lxc_attach_run_command(). */
typedef struct lxc_attach_command_t {
  char* program;
  char** argv;
} lxc_attach_command_t;

/* For attach(): execute the program of a lxc_attach_command_t; the shell of the container's user. attach() recognises
 * both and then forks nothing of the caller. Called directly they replace the process. */
extern int lxc_attach_run_command(void* payload);
extern int lxc_attach_run_shell(void* payload);

#ifdef __cplusplus
}
#endif

#endif
