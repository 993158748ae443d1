/* The floor: the system calls that any container start needs, with nothing around them.
 * Clones the namespaces, mounts proc, sysfs and a tmpfs on /dev, pivots into ROOTFS, executes COMMAND, waits.
 *
 *   floor [--net] ROOTFS COMMAND [ARGUMENT...]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void check(int result, const char* what) {
  if (result >= 0) return;
  fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
  _exit(125);
}

static void become_container(const char* rootfs) {
  check(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL), "making mounts slaves");
  check(mount(rootfs, rootfs, NULL, MS_BIND, NULL), "binding the root");
  check(chdir(rootfs), "chdir");
  check(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "proc");
  check(mount("sysfs", "sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL), "sysfs");
  check(mount("none", "dev", "tmpfs", MS_NOSUID, "size=500000,mode=755"), "tmpfs");
  check((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
  check(umount2(".", MNT_DETACH), "detaching the old root");
  check(chdir("/"), "chdir");
}

int main(int argc, char** argv) {
  unsigned long flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP;
  int next = 1;
  if (next < argc && strcmp(argv[next], "--net") == 0) {
    flags |= CLONE_NEWNET;
    next++;
  }
  if (argc - next < 2) {
    fprintf(stderr, "usage: floor [--net] ROOTFS COMMAND [ARGUMENT...]\n");
    return 125;
  }
  const long pid = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
  check((int)pid, "clone");
  if (pid == 0) {
    become_container(argv[next]);
    execv(argv[next + 1], argv + next + 1);
    check(-1, argv[next + 1]);
  }
  int status = 0;
  check(waitpid((pid_t)pid, &status, 0), "waitpid");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}
