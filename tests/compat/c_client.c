/* What a C program does with liblxc, whichever header it was compiled with and whichever library it runs on.
 *
 * usage: c_client LXCPATH NAME            the life of a container NAME in LXCPATH; none is left
 *        c_client LXCPATH NAME --hostile  the same, and calls that no careful caller makes; LXC's library crashes in some of them
 *        c_client LXCPATH NAME --stopped  all that but a start and what needs a running container
 * Prints a line a check; the exit status is 1 when one failed. Uses the members that liblxc 5.0 has, and no other. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <lxc/attach_options.h>
#include <lxc/lxccontainer.h>
#include <lxc/version.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct lxc_container Container;

static const char* lxcpath;
static const char* name;
static int failures;

static void check_that(int line, const char* what, bool holds, const Container* c) {
  printf("%s %s\n", holds ? "ok" : "NOT OK", what);
  if (holds) return;
  ++failures;
  fprintf(stderr, "c_client.c:%d: %s (error_string: %s, errno: %s)\n", line, what,
          c != NULL && c->error_string != NULL ? c->error_string : "none", strerror(errno));
}
#define CHECK(what) check_that(__LINE__, #what, (what), c)

static bool same(const char* a, const char* b) { return a != NULL && b != NULL && strcmp(a, b) == 0; }

/* Takes a text that is to be freed. */
static bool gives(char* text, const char* wanted) {
  const bool result = same(text, wanted);
  free(text);
  return result;
}

static int exit_status(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; }

static int child_status(pid_t pid) {
  int status = -1;
  if (waitpid(pid, &status, 0) != pid) return -1;
  return exit_status(status);
}

/* --- a container's life ------------------------------------------------------------------------------------------------------
 */

static void facts(void) {
  const Container* c = NULL;
  const char* states[16] = {NULL};
  CHECK(strchr(lxc_get_version(), '.') != NULL);
  CHECK(lxc_get_wait_states(NULL) == 8);
  CHECK(lxc_get_wait_states(states) == 8);
  CHECK(same(states[0], "STOPPED") && same(states[2], "RUNNING") && same(states[7], "THAWED") && states[8] == NULL);
  CHECK(lxc_get_global_config_item("lxc.lxcpath")[0] == '/');
  CHECK(lxc_get_global_config_item("lxc.no.such.key") == NULL && errno == EINVAL);
  CHECK(lxc_config_item_is_supported("lxc.uts.name"));
  CHECK(!lxc_config_item_is_supported("lxc.no.such.key"));
  CHECK(lxc_has_api_extension("mount_injection"));
  CHECK(!lxc_has_api_extension("no_such_extension"));
}

static void configuration(Container* c) {
  char text[64];
  CHECK(c->set_config_item(c, "lxc.net.0.type", "empty"));
  CHECK(c->set_config_item(c, "lxc.uts.name", "a-host-name"));
  CHECK(c->set_config_item(c, "lxc.tty.max", "2"));
  CHECK(!c->set_config_item(c, "lxc.no.such.key", "1"));
  CHECK(c->get_config_item(c, "lxc.uts.name", NULL, 0) == 11);
  CHECK(c->get_config_item(c, "lxc.uts.name", text, sizeof(text)) == 11 && same(text, "a-host-name"));
  CHECK(c->get_config_item(c, "lxc.no.such.key", text, sizeof(text)) < 0);
  CHECK(c->set_config_item(c, "lxc.cap.drop", "sys_module"));
  CHECK(c->set_config_item(c, "lxc.cap.drop", "mac_admin"));
  CHECK(c->get_config_item(c, "lxc.cap.drop", text, sizeof(text)) == 21 && same(text, "sys_module\nmac_admin\n"));
  CHECK(c->clear_config_item(c, "lxc.cap.drop"));
  CHECK(c->get_config_item(c, "lxc.cap.drop", NULL, 0) == 0);
  CHECK(c->set_config_item(c, "lxc.cap.drop", "sys_module") && c->set_config_item(c, "lxc.cap.drop", ""));
  CHECK(c->get_config_item(c, "lxc.cap.drop", NULL, 0) == 0);
  CHECK(same(c->get_config_path(c), lxcpath));
}

/* The length is that of the whole text; nothing is stored behind the buffer. */
static void short_buffers(Container* c) {
  char text[8];
  memset(text, '#', sizeof(text));
  CHECK(c->get_config_item(c, "lxc.uts.name", text, 5) == 11 && memcmp(text + 5, "###", 3) == 0);
  CHECK(c->get_config_item(c, "lxc.uts.name", text, 1) == 11 && memcmp(text + 5, "###", 3) == 0);
}

static void keys(Container* c) {
  const int size = c->get_keys(c, NULL, NULL, 0);
  char* all = calloc(1, size > 0 ? (size_t)size + 1 : 1);
  char some[512];
  CHECK(size > 500);
  CHECK(c->get_keys(c, NULL, all, size + 1) == size && (int)strlen(all) == size);
  CHECK(strstr(all, "lxc.uts.name\n") != NULL && strstr(all, "lxc.cgroup.dir\n") != NULL);
  CHECK(c->get_keys(c, "lxc.net.0", some, sizeof(some)) > 0 && strstr(some, "type\n") != NULL);
  CHECK(c->get_keys(c, "lxc.no.such.key", some, sizeof(some)) < 0);
  free(all);
}

static void creation(Container* c) {
  CHECK(!c->is_defined(c));
  CHECK(!c->destroy(c));
  CHECK(c->create(c, "busybox", NULL, NULL, LXC_CREATE_QUIET, NULL));
  CHECK(c->is_defined(c));
  CHECK(!c->create(c, "busybox", NULL, NULL, LXC_CREATE_QUIET, NULL));
  /* The template has set its own. */
  CHECK(c->set_config_item(c, "lxc.uts.name", "a-host-name") && c->save_config(c, NULL));
  char* file = c->config_file_name(c);
  CHECK(file != NULL && access(file, R_OK) == 0);
  free(file);
  CHECK(!c->is_running(c) && same(c->state(c), "STOPPED") && c->init_pid(c) == -1);
  CHECK(c->stop(c) && c->shutdown(c, 0));
  CHECK(!c->wait(c, "RUNNING", 0) && !c->wait(c, "NO-STATE", 0) && c->wait(c, "STOPPED|ABORTING", 0));
}

static void listed(void) {
  const Container* c = NULL;
  char** names = NULL;
  Container** handles = NULL;
  CHECK(list_all_containers(lxcpath, &names, &handles) == 1 && same(names[0], name) && same(handles[0]->name, name));
  if (names != NULL && handles != NULL) {
    CHECK(lxc_container_put(handles[0]) == 1);
    free(names[0]);
  }
  free(names);
  free(handles);
  CHECK(list_defined_containers(lxcpath, NULL, NULL) == 1);
  CHECK(list_active_containers(lxcpath, NULL, NULL) == 1);
}

static void running(Container* c) {
  CHECK(c->want_daemonize(c, true));
  CHECK(c->start(c, 0, NULL));
  CHECK(c->wait(c, "RUNNING", 20));
  CHECK(c->is_running(c) && c->init_pid(c) > 1 && c->may_control(c));
  const int pidfd = c->init_pidfd(c);
  CHECK(pidfd >= 0 && (fcntl(pidfd, F_GETFD) & FD_CLOEXEC) != 0 && close(pidfd) == 0);
  CHECK(gives(c->get_running_config_item(c, "lxc.uts.name"), "a-host-name"));
  CHECK(c->get_running_config_item(c, "lxc.no.such.key") == NULL);
  CHECK(!c->start(c, 0, NULL));
  CHECK(!c->destroy(c));
  CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
}

struct Payload {
  int out, add;
};

/* Runs in the container, in a copy of this program. */
static int say_host_name(void* payload) {
  const struct Payload* mine = payload;
  char host[65] = "";
  gethostname(host, sizeof(host) - 1);
  if (write(mine->out, host, strlen(host)) < 0) return 1;
  return 40 + mine->add;
}

static void attaching(Container* c) {
  const char* const seven[] = {"sh", "-c", "exit 7", NULL};
  const char* const none[] = {"no-such-program", NULL};
  lxc_attach_options_t options = LXC_ATTACH_OPTIONS_DEFAULT;
  lxc_attach_command_t command = {(char*)"sh", (char**)(void*)seven};
  pid_t pid = -1;
  CHECK(exit_status(c->attach_run_wait(c, NULL, "sh", seven)) == 7);
  CHECK(exit_status(c->attach_run_wait(c, &options, "sh", seven)) == 7);
  CHECK(exit_status(c->attach_run_wait(c, NULL, "no-such-program", none)) == 127);
  CHECK(exit_status(c->attach_run_waitl(c, NULL, "sh", "sh", "-c", "test \"$(hostname)\" = a-host-name", NULL)) == 0);
  CHECK(c->attach(c, lxc_attach_run_command, &command, NULL, &pid) == 0 && child_status(pid) == 7);

  int ends[2];
  char host[65] = "";
  CHECK(pipe(ends) == 0);
  struct Payload payload = {ends[1], 2};
  options.namespaces = -1;
  CHECK(c->attach(c, say_host_name, &payload, &options, &pid) == 0 && child_status(pid) == 42);
  CHECK(read(ends[0], host, sizeof(host) - 1) == 11 && same(host, "a-host-name"));
  close(ends[0]);
  close(ends[1]);
  options.uid = 33;
  options.gid = 44;
  options.initial_cwd = (char*)"/tmp";
  CHECK(exit_status(c->attach_run_waitl(c, &options, "sh", "sh", "-c", "test \"$(id -u) $(id -g) $PWD\" = '33 44 /tmp'", NULL)) ==
        0);
}

static void live(Container* c) {
  char text[32], little[4];
  CHECK(c->set_cgroup_item(c, "pids.max", "7777"));
  CHECK(c->get_cgroup_item(c, "pids.max", text, sizeof(text)) >= 4 && strncmp(text, "7777", 4) == 0);
  memset(little, '#', sizeof(little));
  CHECK(c->get_cgroup_item(c, "pids.max", little, 3) >= 3 && memcmp(little, "77", 2) == 0 && little[3] == '#');
  CHECK(c->get_cgroup_item(c, "no.such.file", text, sizeof(text)) < 0);
  CHECK(!c->set_cgroup_item(c, "no.such.file", "1"));
  CHECK(c->freeze(c) && same(c->state(c), "FROZEN") && c->freeze(c));
  CHECK(c->unfreeze(c) && same(c->state(c), "RUNNING") && c->unfreeze(c));
  char** interfaces = c->get_interfaces(c);
  CHECK(interfaces != NULL && same(interfaces[0], "lo") && interfaces[1] == NULL);
  for (char** one = interfaces; one != NULL && *one != NULL; ++one) free(*one);
  free(interfaces);
  int number = 1, terminal = -1;
  const int holder = c->console_getfd(c, &number, &terminal);
  CHECK(holder >= 0 && number == 1 && isatty(terminal));
  close(terminal);
  close(holder);
}

static void snapshots(Container* c) {
  struct lxc_snapshot* list = NULL;
  CHECK(c->snapshot_list(c, &list) == 0);
  CHECK(c->snapshot(c, NULL) == 0);
  const int count = c->snapshot_list(c, &list);
  CHECK(count == 1 && same(list[0].name, "snap0") && strlen(list[0].timestamp) == 19);
  for (int i = 0; i < count; ++i) list[i].free(&list[i]);
  if (count > 0) free(list);
  CHECK(!c->destroy(c));
  CHECK(!c->snapshot_destroy(c, "snap7"));
  CHECK(c->snapshot_destroy(c, "snap0") && c->snapshot_list(c, &list) == 0);
}

static void stopping(Container* c) {
  CHECK(c->stop(c) && c->wait(c, "STOPPED", 20) && !c->is_running(c));
  CHECK(!c->reboot(c) && !c->freeze(c));
}

static void references(Container* c) {
  CHECK(lxc_container_get(c) == 1);
  CHECK(lxc_container_put(c) == 0);
  CHECK(lxc_container_put(c) == 1);
}

/* --- what no careful caller does
 * ------------------------------------------------------------------------------------------------ */

/* Every member with no container, and with nothing else either. */
static void no_handle(Container* m) {
  Container* const c = NULL;
  CHECK(!m->is_defined(c) && m->state(c) == NULL && !m->is_running(c) && !m->freeze(c) && !m->unfreeze(c) &&
        m->init_pid(c) == -1);
  CHECK(!m->load_config(c, NULL) && !m->start(c, 0, NULL) && !m->startl(c, 0, NULL) && !m->stop(c) &&
        !m->want_daemonize(c, true));
  CHECK(!m->want_close_all_fds(c, true) && m->config_file_name(c) == NULL && !m->wait(c, NULL, 0));
  CHECK(!m->set_config_item(c, NULL, NULL) && !m->destroy(c) && !m->save_config(c, NULL));
  CHECK(!m->create(c, NULL, NULL, NULL, 0, NULL) && !m->createl(c, NULL, NULL, NULL, 0, NULL) && !m->rename(c, NULL));
  CHECK(!m->reboot(c) && !m->shutdown(c, 0) && !m->clear_config_item(c, NULL));
  m->clear_config(c);
  CHECK(m->get_config_item(c, NULL, NULL, 0) == -1 && m->get_running_config_item(c, NULL) == NULL);
  CHECK(m->get_keys(c, NULL, NULL, 0) == -1 && m->get_interfaces(c) == NULL && m->get_ips(c, NULL, NULL, 0) == NULL);
  CHECK(m->get_cgroup_item(c, NULL, NULL, 0) == -1 && !m->set_cgroup_item(c, NULL, NULL));
  CHECK(m->get_config_path(c) == NULL && !m->set_config_path(c, NULL));
  CHECK(m->clone(c, NULL, NULL, 0, NULL, NULL, 0, NULL) == NULL && m->console_getfd(c, NULL, NULL) < 0);
  CHECK(m->console(c, 0, 0, 1, 2, 1) < 0 && m->attach(c, NULL, NULL, NULL, NULL) == -1);
  CHECK(m->attach_run_wait(c, NULL, NULL, NULL) == -1 && m->attach_run_waitl(c, NULL, NULL, NULL) == -1);
  CHECK(m->snapshot(c, NULL) == -1 && m->snapshot_list(c, NULL) == -1 && !m->snapshot_restore(c, NULL, NULL));
  CHECK(!m->snapshot_destroy(c, NULL) && !m->may_control(c) && !m->add_device_node(c, NULL, NULL));
  CHECK(!m->remove_device_node(c, NULL, NULL) && !m->attach_interface(c, NULL, NULL) && !m->detach_interface(c, NULL, NULL));
  CHECK(!m->checkpoint(c, NULL, false, false) && !m->restore(c, NULL, false) && !m->destroy_with_snapshots(c));
  CHECK(!m->snapshot_destroy_all(c) && m->migrate(c, 0, NULL, 0) < 0 && m->console_log(c, NULL) < 0 && !m->reboot2(c, 0));
  CHECK(m->mount(c, NULL, NULL, NULL, 0, NULL, NULL) < 0 && m->umount(c, NULL, 0, NULL) < 0);
  CHECK(m->seccomp_notify_fd(c) < 0 && m->seccomp_notify_fd_active(c) < 0 && m->init_pidfd(c) == -EBADF && m->devpts_fd(c) < 0);
}

/* A container, and nothing that was to be done with it. */
static void no_arguments(Container* c) {
  CHECK(!c->wait(c, NULL, 0) && !c->set_config_item(c, NULL, NULL) && !c->set_config_item(c, NULL, "1"));
  CHECK(!c->clear_config_item(c, NULL) && c->get_config_item(c, NULL, NULL, 0) == -1);
  CHECK(c->get_running_config_item(c, NULL) == NULL && !c->rename(c, NULL) && !c->set_config_path(c, NULL));
  CHECK(c->get_cgroup_item(c, NULL, NULL, 0) == -1 && !c->set_cgroup_item(c, NULL, NULL) &&
        !c->set_cgroup_item(c, "pids.max", NULL));
  CHECK(c->attach(c, NULL, NULL, NULL, NULL) < 0 && c->attach(c, lxc_attach_run_command, NULL, NULL, NULL) < 0);
  CHECK(c->attach_run_wait(c, NULL, NULL, NULL) < 0 && c->attach_run_waitl(c, NULL, NULL, NULL) < 0);
  CHECK(!c->snapshot_restore(c, NULL, NULL) && !c->snapshot_destroy(c, NULL) && c->snapshot_list(c, NULL) == 0);
  CHECK(!c->add_device_node(c, NULL, NULL) && !c->remove_device_node(c, NULL, NULL));
  CHECK(!c->attach_interface(c, NULL, NULL) && !c->detach_interface(c, NULL, NULL) && c->console_log(c, NULL) < 0);
  CHECK(c->mount(c, NULL, NULL, NULL, 0, NULL, NULL) < 0 && c->umount(c, NULL, 0, NULL) < 0);
  CHECK(c->error_string != NULL && c->error_string[0] != '\0');
}

/* As much as fits is stored, with its NUL. (LXC leaves the buffer as it was, which a caller then takes for a text.) */
static void truncation(Container* c) {
  char text[8];
  memset(text, '#', sizeof(text));
  CHECK(c->get_config_item(c, "lxc.uts.name", text, 5) == 11 && memcmp(text, "a-ho\0###", 8) == 0);
  CHECK(c->get_config_item(c, "lxc.uts.name", text, 1) == 11 && memcmp(text, "\0-ho\0###", 8) == 0);
  CHECK(c->get_config_item(c, "lxc.uts.name", text, 0) == 11 && memcmp(text, "\0-ho\0###", 8) == 0);
}

static void wrong_arguments(Container* c) {
  lxc_attach_options_t options = LXC_ATTACH_OPTIONS_DEFAULT;
  struct lxc_mount version = {LXC_MOUNT_API_V1 + 7};
  char text[16];
  options.attach_flags |= 1 << 30;
  CHECK(c->attach_run_waitl(c, &options, "true", "true", NULL) < 0);
  CHECK(c->clone(c, "other", NULL, 1 << 20, NULL, NULL, 0, NULL) == NULL);
  CHECK(c->clone(c, "../other", NULL, 0, NULL, NULL, 0, NULL) == NULL);
  CHECK(c->mount(c, "none", "/mnt", "tmpfs", 0, NULL, &version) < 0 && c->umount(c, "/mnt", 0, &version) < 0);
  CHECK(c->get_config_item(c, "lxc.uts.name", text, -5) == 11 && c->get_cgroup_item(c, "../../tasks", text, sizeof(text)) < 0);
  CHECK(!c->wait(c, "", 0) && !c->wait(c, "|", 0) && !c->rename(c, "a/b") && !c->set_config_item(c, "", ""));
  CHECK(!c->load_config(c, "/no/such/file") && !c->save_config(c, "/no/such/directory/file"));
  CHECK(c->get_ips(c, "eth7", "no-family", 0) == NULL && !c->snapshot_restore(c, "../..", "other"));
}

/* A caller of a header to come has a longer structure. */
static void migration(Container* c) {
  struct {
    struct migrate_opts known;
    unsigned char tail[32];
  } options;
  memset(&options, 0, sizeof(options));
  options.known.directory = (char*)lxcpath;
  const int without_tail = c->migrate(c, MIGRATE_DUMP, &options.known, sizeof(options.known));
  CHECK(without_tail < 0 && without_tail != -E2BIG);
  CHECK(c->migrate(c, MIGRATE_DUMP, &options.known, sizeof(options)) == without_tail);
  options.tail[31] = 1;
  CHECK(c->migrate(c, MIGRATE_DUMP, &options.known, sizeof(options)) == -E2BIG);
  CHECK(c->migrate(c, 77, &options.known, sizeof(options.known)) == -EINVAL);
  CHECK(c->migrate(c, MIGRATE_DUMP, NULL, sizeof(options.known)) == -EINVAL);
}

/* LXC mounts only where lxc.mount.auto has shmounts:. */
static void mounting(Container* c) {
  struct lxc_mount version = {LXC_MOUNT_API_V1};
  CHECK(c->mount(c, "mine", "/mnt/made/here", "tmpfs", 0, "size=64k", &version) == 0);
  CHECK(exit_status(c->attach_run_waitl(c, NULL, "grep", "grep", "-q", "^mine /mnt/made/here tmpfs", "/proc/mounts", NULL)) == 0);
  CHECK(c->umount(c, "/mnt/made/here", 0, &version) == 0);
  CHECK(exit_status(c->attach_run_waitl(c, NULL, "grep", "grep", "-q", "/mnt/made/here", "/proc/mounts", NULL)) == 1);
  CHECK(c->mount(c, "mine", "/proc/../mnt", "no-such-type", 0, NULL, &version) < 0);
}

static void no_container(void) {
  const Container* c = NULL;
  CHECK(lxc_container_get(NULL) == 0 && lxc_container_put(NULL) == -1);
  CHECK(lxc_container_new(NULL, lxcpath) == NULL && lxc_container_new("", lxcpath) == NULL);
  CHECK(lxc_container_new("a/b", lxcpath) == NULL && lxc_container_new("..", lxcpath) == NULL);
  CHECK(lxc_get_global_config_item(NULL) == NULL && errno == EINVAL);
  CHECK(!lxc_config_item_is_supported(NULL) && lxc_has_api_extension(NULL));
  CHECK(lxc_log_init(NULL) < 0);
  CHECK(lxc_attach_run_command(NULL) < 0);
  CHECK(list_defined_containers("/no/such/directory", NULL, NULL) <= 0);
}

static void hostile(Container* c) {
  no_handle(c);
  no_container();
  no_arguments(c);
  truncation(c);
  wrong_arguments(c);
  migration(c);
}

static void run_it(Container* c, bool careless) {
  running(c);
  listed();
  attaching(c);
  live(c);
  if (careless) {
    mounting(c);
    hostile(c);
  }
  stopping(c);
}

int main(int count, char** arguments) {
  const bool stopped = count == 4 && same(arguments[3], "--stopped");
  const bool careless = stopped || (count == 4 && same(arguments[3], "--hostile"));
  if (count != 3 && !careless) return fprintf(stderr, "usage: %s LXCPATH NAME [--hostile | --stopped]\n", arguments[0]), 2;
  lxcpath = arguments[1];
  name = arguments[2];
  printf("compiled with the header of %s, running on %s\n", LXC_VERSION, lxc_get_version());
  setvbuf(stdout, NULL, _IOLBF, 0);
  facts();
  Container* c = lxc_container_new(name, lxcpath);
  CHECK(c != NULL);
  if (c == NULL) return 1;
  configuration(c);
  short_buffers(c);
  keys(c);
  creation(c);
  if (careless) hostile(c);
  if (!stopped) run_it(c, careless);
  snapshots(c);
  CHECK(c->destroy(c) && !c->is_defined(c));
  references(c);
  return failures != 0;
}
