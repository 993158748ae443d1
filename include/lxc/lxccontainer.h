/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The C interface of liblxc. Layout and semantics are those of LXC 6 and 7; docs/c-api.md says where berth does better.
 *
 * Unless a member says otherwise: functions that give bool return true for success; those that give int return 0 or more for
 * success and a negative number for failure; a NULL container is a failure. After a failure error_string holds the reason. */
#ifndef __LXC_CONTAINER_H
#define __LXC_CONTAINER_H

#include <malloc.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <lxc/attach_options.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Flags of clone(). */
#define LXC_CLONE_KEEPNAME (1 << 0)       /* host name stays */
#define LXC_CLONE_KEEPMACADDR (1 << 1)    /* hardware addresses stay */
#define LXC_CLONE_SNAPSHOT (1 << 2)       /* share the data with the original */
#define LXC_CLONE_KEEPBDEVTYPE (1 << 3)   /* same kind of storage */
#define LXC_CLONE_MAYBE_SNAPSHOT (1 << 4) /* LXC_CLONE_SNAPSHOT where the storage can, else a full copy */
#define LXC_CLONE_MAXFLAGS (1 << 5)
#define LXC_CLONE_ALLOW_RUNNING (1 << 6) /* the original may be running */

/* Flags of create(). */
#define LXC_CREATE_QUIET (1 << 0) /* the template's standard output is dropped */
#define LXC_CREATE_MAXFLAGS (1 << 1)

#define LXC_MOUNT_API_V1 1

struct bdev_specs;
struct lxc_snapshot;
struct lxc_conf;
struct lxc_lock;
struct migrate_opts;
struct lxc_console_log;

struct lxc_mount {
  int version; /* LXC_MOUNT_API_V1 */
};

/* Commands of migrate(). */
enum {
  MIGRATE_PRE_DUMP,
  MIGRATE_DUMP,
  MIGRATE_RESTORE,
  MIGRATE_FEATURE_CHECK,
};

/* migrate_opts.features_to_check */
#define FEATURE_MEM_TRACK (1ULL << 0)
#define FEATURE_LAZY_PAGES (1ULL << 1)

struct lxc_container {
  /* Private. */
  char* name;
  char* configfile;
  char* pidfile;
  struct lxc_lock* slock;
  struct lxc_lock* privlock;
  int numthreads;
  struct lxc_conf* lxc_conf;

  /* Why the last function that failed did so, as a text for people; owned by the container and valid until the next failure.
   * NULL: none failed yet. (LXC never sets it.) */
  char* error_string;
  /* After a start in the foreground: wait(2) status of the container's first process. */
  int error_num;
  /* start() returns when the container runs; false: when it has ended. */
  bool daemonize;
  /* The directory of containers (lxcpath). */
  char* config_path;

  /* Its configuration file exists. */
  bool (*is_defined)(struct lxc_container* c);
  /* "RUNNING" and so on; static text. */
  const char* (*state)(struct lxc_container* c);
  /* Any state but STOPPED. */
  bool (*is_running)(struct lxc_container* c);
  bool (*freeze)(struct lxc_container* c);
  bool (*unfreeze)(struct lxc_container* c);
  /* -1: not running. */
  pid_t (*init_pid)(struct lxc_container* c);
  /* Adds the file to the configuration in memory; NULL: the container's own. */
  bool (*load_config)(struct lxc_container* c, const char* alt_file);
  /* argv NULL: lxc.init.cmd. useinit != 0: the command runs below a small init. */
  bool (*start)(struct lxc_container* c, int useinit, char* const argv[]);
  bool (*startl)(struct lxc_container* c, int useinit, ...);
  /* Kills it; true when it was not running. */
  bool (*stop)(struct lxc_container* c);
  bool (*want_daemonize)(struct lxc_container* c, bool state);
  /* start() hands no descriptor of the caller on (it never does in berth). */
  bool (*want_close_all_fds)(struct lxc_container* c, bool state);
  /* To be freed. */
  char* (*config_file_name)(struct lxc_container* c);
  /* state: names joined by '|'. timeout in seconds, -1: for ever, 0: does not wait. */
  bool (*wait)(struct lxc_container* c, const char* state, int timeout);
  /* An empty value clears the key. */
  bool (*set_config_item)(struct lxc_container* c, const char* key, const char* value);
  bool (*destroy)(struct lxc_container* c);
  /* NULL: the container's own file. */
  bool (*save_config)(struct lxc_container* c, const char* alt_file);
  /* t: name or path of a template, NULL: none. bdevtype NULL: "dir". specs may be NULL. */
  bool (*create)(struct lxc_container* c, const char* t, const char* bdevtype, struct bdev_specs* specs, int flags,
                 char* const argv[]);
  bool (*createl)(struct lxc_container* c, const char* t, const char* bdevtype, struct bdev_specs* specs, int flags, ...);
  /* `c` keeps standing for the old name, which is gone afterwards. */
  bool (*rename)(struct lxc_container* c, const char* newname);
  /* Sends the reboot signal and does not wait. */
  bool (*reboot)(struct lxc_container* c);
  /* Sends the halt signal. timeout in seconds, -1: waits for ever, 0: does not wait. */
  bool (*shutdown)(struct lxc_container* c, int timeout);
  /* Drops the configuration in memory. */
  void (*clear_config)(struct lxc_container* c);
  bool (*clear_config_item)(struct lxc_container* c, const char* key);
  /* Length of the text without its NUL; at most inlen bytes of it with the NUL are stored. retv NULL: measures only. */
  int (*get_config_item)(struct lxc_container* c, const char* key, char* retv, int inlen);
  /* The value that the running container was started with; to be freed. NULL: none. */
  char* (*get_running_config_item)(struct lxc_container* c, const char* key);
  /* Names below `key`, one a line; NULL: all. Result as get_config_item. */
  int (*get_keys)(struct lxc_container* c, const char* key, char* retv, int inlen);
  /* NULL-terminated; strings and array are to be freed. */
  char** (*get_interfaces)(struct lxc_container* c);
  /* interface NULL: all but the loopback. family: "inet", "inet6", NULL: both. Result as get_interfaces. */
  char** (*get_ips)(struct lxc_container* c, const char* interface, const char* family, int scope);
  /* A file of the container's control group, "memory.current". Result as get_config_item. */
  int (*get_cgroup_item)(struct lxc_container* c, const char* subsys, char* retv, int inlen);
  bool (*set_cgroup_item)(struct lxc_container* c, const char* subsys, const char* value);
  /* Owned by the container. */
  const char* (*get_config_path)(struct lxc_container* c);
  bool (*set_config_path)(struct lxc_container* c, const char* path);
  /* Every argument but flags may be NULL or 0. The new container has one reference. */
  struct lxc_container* (*clone)(struct lxc_container* c, const char* newname, const char* lxcpath, int flags,
                                 const char* bdevtype, const char* bdevdata, uint64_t newsize, char** hookargs);
  /* ttynum: in: the wanted one, 0: console, -1: any; out: which it is. Returns a descriptor that holds the terminal until it is
   * closed; *ptxfd is the terminal's own. */
  int (*console_getfd)(struct lxc_container* c, int* ttynum, int* ptxfd);
  /* Joins the descriptors with a terminal until escape-q is typed. escape: 1 = Ctrl-a, 2 = Ctrl-b ... */
  int (*console)(struct lxc_container* c, int ttynum, int stdinfd, int stdoutfd, int stderrfd, int escape);
  /* Runs exec_function in the container; *attached_process is a child of the caller. options NULL: the default ones. */
  int (*attach)(struct lxc_container* c, lxc_attach_exec_t exec_function, void* exec_payload, lxc_attach_options_t* options,
                pid_t* attached_process);
  /* Runs a program and waits: its wait(2) status, or a negative number. */
  int (*attach_run_wait)(struct lxc_container* c, lxc_attach_options_t* options, const char* program, const char* const argv[]);
  int (*attach_run_waitl)(struct lxc_container* c, lxc_attach_options_t* options, const char* program, const char* arg, ...);
  /* The number N of the new snapN, or -1. commentfile may be NULL. */
  int (*snapshot)(struct lxc_container* c, const char* commentfile);
  /* The number of snapshots; call free of each, then free the array. */
  int (*snapshot_list)(struct lxc_container* c, struct lxc_snapshot** snapshots);
  /* newname NULL: in place of the container. */
  bool (*snapshot_restore)(struct lxc_container* c, const char* snapname, const char* newname);
  bool (*snapshot_destroy)(struct lxc_container* c, const char* snapname);
  /* False only when it runs and the caller is not allowed to control it. */
  bool (*may_control)(struct lxc_container* c);
  /* dest_path NULL: as src_path. */
  bool (*add_device_node)(struct lxc_container* c, const char* src_path, const char* dest_path);
  bool (*remove_device_node)(struct lxc_container* c, const char* src_path, const char* dest_path);
  /* dst_dev NULL: keeps its name. */
  bool (*attach_interface)(struct lxc_container* c, const char* dev, const char* dst_dev);
  bool (*detach_interface)(struct lxc_container* c, const char* dev, const char* dst_dev);
  bool (*checkpoint)(struct lxc_container* c, char* directory, bool stop, bool verbose);
  bool (*restore)(struct lxc_container* c, char* directory, bool verbose);
  bool (*destroy_with_snapshots)(struct lxc_container* c);
  bool (*snapshot_destroy_all)(struct lxc_container* c);
  /* size: sizeof(struct migrate_opts) as the caller knows it. */
  int (*migrate)(struct lxc_container* c, unsigned int cmd, struct migrate_opts* opts, unsigned int size);
  /* 0, or -ENODATA: empty, -EFAULT: no ring buffer is configured, -ENOENT: no log file, other negative errno. */
  int (*console_log)(struct lxc_container* c, struct lxc_console_log* log);
  /* Reboots and waits up to timeout seconds for RUNNING; -1: for ever, 0: does not wait. */
  bool (*reboot2)(struct lxc_container* c, int timeout);
  /* Mounts in the running container; target is made when missing. 0 or a negative errno. */
  int (*mount)(struct lxc_container* c, const char* source, const char* target, const char* filesystemtype,
               unsigned long mountflags, const void* data, struct lxc_mount* mnt);
  int (*umount)(struct lxc_container* c, const char* target, unsigned long mountflags, struct lxc_mount* mnt);
  /* < 0: there is none. */
  int (*seccomp_notify_fd)(struct lxc_container* c);
  int (*seccomp_notify_fd_active)(struct lxc_container* c);
  /* To be closed; or a negative errno. */
  int (*init_pidfd)(struct lxc_container* c);
  int (*devpts_fd)(struct lxc_container* c);

  /* Private. */
  int rcv_timeout;

  /* How long a monitor is waited for: seconds, -1: for ever. */
  bool (*set_timeout)(struct lxc_container* c, int timeout);
};

struct lxc_snapshot {
  char* name;
  char* comment_pathname; /* whether the file exists or not */
  char* timestamp;
  char* lxcpath;
  void (*free)(struct lxc_snapshot* s);
};

/* Storage of a container to be created. */
struct bdev_specs {
  char* fstype;
  uint64_t fssize; /* bytes */
  struct {
    char* zfsroot;
  } zfs;
  struct {
    char* vg;
    char* lv;
    char* thinpool;
  } lvm;
  char* dir;
  struct {
    char* rbdname;
    char* rbdpool;
    char* rbduser; /* LXC 7: not read, as callers of older versions have no such member */
  } rbd;
};

struct migrate_opts {
  char* directory;
  bool verbose;
  bool stop;
  char* predump_dir;
  char* pageserver_address;
  char* pageserver_port;
  bool preserves_inodes;
  char* action_script;
  bool disable_skip_in_flight;
  uint64_t ghost_limit;
  uint64_t features_to_check; /* in: wanted; out: those that are missing */
};

struct lxc_console_log {
  bool clear;
  bool read;
  uint64_t* read_max; /* in: at most this much, 0: all; out: bytes in data */
  char* data;         /* to be freed; no NUL at its end */
};

struct lxc_log {
  const char* name;
  const char* lxcpath;
  const char* file; /* "none" or NULL: no file */
  const char* level;
  const char* prefix; /* program */
  bool quiet;         /* nothing on standard error */
};

/* What the library exports, also when it is compiled with hidden symbols. */
#pragma GCC visibility push(default)

/* NULL: name not allowed, configuration not readable, no memory. configpath NULL: the global lxc.lxcpath. */
struct lxc_container* lxc_container_new(const char* name, const char* configpath);
/* 1, or 0 when c is NULL. */
int lxc_container_get(struct lxc_container* c);
/* 0: a reference less; 1: it was the last one; -1: c is NULL. */
int lxc_container_put(struct lxc_container* c);
/* The number of states; `states` may be NULL. */
int lxc_get_wait_states(const char** states);
/* Of lxc.conf; belongs to the calling thread. NULL: unknown key (errno EINVAL) or not set (errno 0). */
const char* lxc_get_global_config_item(const char* key);
const char* lxc_get_version(void);
/* Count, or -1. names and cret may be NULL; lxcpath NULL: the global one. */
int list_defined_containers(const char* lxcpath, char*** names, struct lxc_container*** cret);
int list_active_containers(const char* lxcpath, char*** names, struct lxc_container*** cret);
int list_all_containers(const char* lxcpath, char*** names, struct lxc_container*** cret);
/* Only the first call counts. 0, or a negative number. */
int lxc_log_init(struct lxc_log* log);
void lxc_log_close(void);
bool lxc_config_item_is_supported(const char* key);
bool lxc_has_api_extension(const char* extension);

#ifdef __cplusplus
}
#endif

#endif
