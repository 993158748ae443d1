// Runs in: the compiler. It proves that the structures are laid out as programs that were built with LXC 6 and 7 on LP64 machines
// expect; the numbers were computed from LXC's own header.
#include <lxc/lxccontainer.h>

#include <cstddef>

namespace {

static_assert(sizeof(void*) == 8, "the offsets below are those of LP64");

#define AT(type, member, offset) static_assert(offsetof(type, member) == (offset), #type "." #member)

static_assert(sizeof(lxc_container) == 584);
AT(lxc_container, name, 0);
AT(lxc_container, configfile, 8);
AT(lxc_container, pidfile, 16);
AT(lxc_container, slock, 24);
AT(lxc_container, privlock, 32);
AT(lxc_container, numthreads, 40);
AT(lxc_container, lxc_conf, 48);
AT(lxc_container, error_string, 56);
AT(lxc_container, error_num, 64);
AT(lxc_container, daemonize, 68);
AT(lxc_container, config_path, 72);
AT(lxc_container, is_defined, 80);
AT(lxc_container, state, 88);
AT(lxc_container, is_running, 96);
AT(lxc_container, freeze, 104);
AT(lxc_container, unfreeze, 112);
AT(lxc_container, init_pid, 120);
AT(lxc_container, load_config, 128);
AT(lxc_container, start, 136);
AT(lxc_container, startl, 144);
AT(lxc_container, stop, 152);
AT(lxc_container, want_daemonize, 160);
AT(lxc_container, want_close_all_fds, 168);
AT(lxc_container, config_file_name, 176);
AT(lxc_container, wait, 184);
AT(lxc_container, set_config_item, 192);
AT(lxc_container, destroy, 200);
AT(lxc_container, save_config, 208);
AT(lxc_container, create, 216);
AT(lxc_container, createl, 224);
AT(lxc_container, rename, 232);
AT(lxc_container, reboot, 240);
AT(lxc_container, shutdown, 248);
AT(lxc_container, clear_config, 256);
AT(lxc_container, clear_config_item, 264);
AT(lxc_container, get_config_item, 272);
AT(lxc_container, get_running_config_item, 280);
AT(lxc_container, get_keys, 288);
AT(lxc_container, get_interfaces, 296);
AT(lxc_container, get_ips, 304);
AT(lxc_container, get_cgroup_item, 312);
AT(lxc_container, set_cgroup_item, 320);
AT(lxc_container, get_config_path, 328);
AT(lxc_container, set_config_path, 336);
AT(lxc_container, clone, 344);
AT(lxc_container, console_getfd, 352);
AT(lxc_container, console, 360);
AT(lxc_container, attach, 368);
AT(lxc_container, attach_run_wait, 376);
AT(lxc_container, attach_run_waitl, 384);
AT(lxc_container, snapshot, 392);
AT(lxc_container, snapshot_list, 400);
AT(lxc_container, snapshot_restore, 408);
AT(lxc_container, snapshot_destroy, 416);
AT(lxc_container, may_control, 424);
AT(lxc_container, add_device_node, 432);
AT(lxc_container, remove_device_node, 440);
AT(lxc_container, attach_interface, 448);
AT(lxc_container, detach_interface, 456);
AT(lxc_container, checkpoint, 464);
AT(lxc_container, restore, 472);
AT(lxc_container, destroy_with_snapshots, 480);
AT(lxc_container, snapshot_destroy_all, 488);
AT(lxc_container, migrate, 496);
AT(lxc_container, console_log, 504);
AT(lxc_container, reboot2, 512);
AT(lxc_container, mount, 520);
AT(lxc_container, umount, 528);
AT(lxc_container, seccomp_notify_fd, 536);
AT(lxc_container, seccomp_notify_fd_active, 544);
AT(lxc_container, init_pidfd, 552);
AT(lxc_container, devpts_fd, 560);
AT(lxc_container, rcv_timeout, 568);
AT(lxc_container, set_timeout, 576);

static_assert(sizeof(lxc_mount) == 4);
AT(lxc_mount, version, 0);

static_assert(sizeof(lxc_snapshot) == 40);
AT(lxc_snapshot, name, 0);
AT(lxc_snapshot, comment_pathname, 8);
AT(lxc_snapshot, timestamp, 16);
AT(lxc_snapshot, lxcpath, 24);
AT(lxc_snapshot, free, 32);

static_assert(sizeof(bdev_specs) == 80);
AT(bdev_specs, fstype, 0);
AT(bdev_specs, fssize, 8);
AT(bdev_specs, zfs.zfsroot, 16);
AT(bdev_specs, lvm.vg, 24);
AT(bdev_specs, lvm.lv, 32);
AT(bdev_specs, lvm.thinpool, 40);
AT(bdev_specs, dir, 48);
AT(bdev_specs, rbd.rbdname, 56);
AT(bdev_specs, rbd.rbdpool, 64);
AT(bdev_specs, rbd.rbduser, 72);

static_assert(sizeof(migrate_opts) == 80);
AT(migrate_opts, directory, 0);
AT(migrate_opts, verbose, 8);
AT(migrate_opts, stop, 9);
AT(migrate_opts, predump_dir, 16);
AT(migrate_opts, pageserver_address, 24);
AT(migrate_opts, pageserver_port, 32);
AT(migrate_opts, preserves_inodes, 40);
AT(migrate_opts, action_script, 48);
AT(migrate_opts, disable_skip_in_flight, 56);
AT(migrate_opts, ghost_limit, 64);
AT(migrate_opts, features_to_check, 72);

static_assert(sizeof(lxc_console_log) == 24);
AT(lxc_console_log, clear, 0);
AT(lxc_console_log, read, 1);
AT(lxc_console_log, read_max, 8);
AT(lxc_console_log, data, 16);

static_assert(sizeof(lxc_log) == 48);
AT(lxc_log, name, 0);
AT(lxc_log, lxcpath, 8);
AT(lxc_log, file, 16);
AT(lxc_log, level, 24);
AT(lxc_log, prefix, 32);
AT(lxc_log, quiet, 40);

static_assert(sizeof(lxc_attach_options_t) == 96);
AT(lxc_attach_options_t, attach_flags, 0);
AT(lxc_attach_options_t, namespaces, 4);
AT(lxc_attach_options_t, personality, 8);
AT(lxc_attach_options_t, initial_cwd, 16);
AT(lxc_attach_options_t, uid, 24);
AT(lxc_attach_options_t, gid, 28);
AT(lxc_attach_options_t, env_policy, 32);
AT(lxc_attach_options_t, extra_env_vars, 40);
AT(lxc_attach_options_t, extra_keep_env, 48);
AT(lxc_attach_options_t, stdin_fd, 56);
AT(lxc_attach_options_t, stdout_fd, 60);
AT(lxc_attach_options_t, stderr_fd, 64);
AT(lxc_attach_options_t, log_fd, 68);
AT(lxc_attach_options_t, lsm_label, 72);
AT(lxc_attach_options_t, groups, 80);

static_assert(sizeof(lxc_attach_command_t) == 16);
AT(lxc_attach_command_t, program, 0);
AT(lxc_attach_command_t, argv, 8);

static_assert(sizeof(lxc_groups_t) == 16);
AT(lxc_groups_t, size, 0);
AT(lxc_groups_t, list, 8);

static_assert(LXC_CLONE_KEEPNAME == 1);
static_assert(LXC_CLONE_KEEPMACADDR == 2);
static_assert(LXC_CLONE_SNAPSHOT == 4);
static_assert(LXC_CLONE_KEEPBDEVTYPE == 8);
static_assert(LXC_CLONE_MAYBE_SNAPSHOT == 16);
static_assert(LXC_CLONE_MAXFLAGS == 32);
static_assert(LXC_CLONE_ALLOW_RUNNING == 64);
static_assert(LXC_CREATE_QUIET == 1);
static_assert(LXC_CREATE_MAXFLAGS == 2);
static_assert(LXC_MOUNT_API_V1 == 1);
static_assert(MIGRATE_PRE_DUMP == 0);
static_assert(MIGRATE_DUMP == 1);
static_assert(MIGRATE_RESTORE == 2);
static_assert(MIGRATE_FEATURE_CHECK == 3);
static_assert(FEATURE_MEM_TRACK == 1);
static_assert(FEATURE_LAZY_PAGES == 2);
static_assert(LXC_ATTACH_KEEP_ENV == 0);
static_assert(LXC_ATTACH_CLEAR_ENV == 1);
static_assert(LXC_ATTACH_MOVE_TO_CGROUP == 0x1);
static_assert(LXC_ATTACH_DROP_CAPABILITIES == 0x2);
static_assert(LXC_ATTACH_SET_PERSONALITY == 0x4);
static_assert(LXC_ATTACH_LSM_EXEC == 0x8);
static_assert(LXC_ATTACH_REMOUNT_PROC_SYS == 0x10000);
static_assert(LXC_ATTACH_LSM_NOW == 0x20000);
static_assert(LXC_ATTACH_NO_NEW_PRIVS == 0x40000);
static_assert(LXC_ATTACH_TERMINAL == 0x80000);
static_assert(LXC_ATTACH_LSM_LABEL == 0x100000);
static_assert(LXC_ATTACH_SETGROUPS == 0x200000);
static_assert(LXC_ATTACH_DEFAULT == 0xFFFF);
static_assert(LXC_ATTACH_LSM == 0x120008);
static_assert(LXC_ATTACH_DETECT_PERSONALITY == -1L);

#undef AT

}  // namespace
