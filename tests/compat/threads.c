/* What a threaded program does with liblxc.
 *
 * usage: threads LXCPATH PREFIX ROOTFS
 * Defines and runs containers PREFIX0 ... in LXCPATH, whose root is the directory ROOTFS (read-only, with /bin/sleep), and leaves
 * none. Prints what went wrong; the exit status is 1 then. */
#define _GNU_SOURCE
#include <errno.h>
#include <lxc/attach_options.h>
#include <lxc/lxccontainer.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum { kThreads = 8, kRounds = 3, kReferences = 2000, kRaces = 5 };

typedef struct lxc_container Container;

static const char* lxcpath;
static const char* prefix;
static const char* rootfs;
static atomic_int failures;

static void check_that(int line, const char* what, bool holds, const Container* c) {
  if (holds) return;
  atomic_fetch_add(&failures, 1);
  fprintf(stderr, "threads.c:%d: %s: %s (error_string: %s)\n", line, c != NULL ? c->name : "-", what,
          c != NULL && c->error_string != NULL ? c->error_string : "none");
}
#define CHECK(what) check_that(__LINE__, #what, (what), c)

/* All threads at once; gives back after the last. */
static void run_all(void* (*work)(void*), void* arguments, size_t size) {
  pthread_t threads[kThreads];
  for (int i = 0; i < kThreads; ++i)
    if (pthread_create(&threads[i], NULL, work, (char*)arguments + (size_t)i * size) != 0) abort();
  for (int i = 0; i < kThreads; ++i) pthread_join(threads[i], NULL);
}

static Container* open_numbered(int number) {
  char name[64];
  snprintf(name, sizeof(name), "%s%d", prefix, number);
  return lxc_container_new(name, lxcpath);
}

static bool define(Container* c) {
  return c->set_config_item(c, "lxc.rootfs.path", rootfs) && c->set_config_item(c, "lxc.rootfs.options", "ro") &&
         c->set_config_item(c, "lxc.rootfs.managed", "0") && c->set_config_item(c, "lxc.net.0.type", "empty") &&
         c->set_config_item(c, "lxc.uts.name", c->name) && c->save_config(c, NULL);
}

static bool undefine(Container* c) {
  return c->set_config_item(c, "lxc.rootfs.managed", "1") && c->set_config_item(c, "lxc.rootfs.path", "") &&
         c->save_config(c, NULL) && c->destroy(c);
}

static bool starts(Container* c) {
  char* const command[] = {(char*)"/bin/sleep", (char*)"1000", NULL};
  return c->start(c, 0, command);
}

/* --- each thread its own container -------------------------------------------------------------------------------------------
 */

static void one_round(Container* c) {
  char script[160];
  CHECK(starts(c));
  CHECK(strcmp(c->state(c), "RUNNING") == 0 && c->init_pid(c) > 1);
  snprintf(script, sizeof(script), "test \"$(hostname)\" = %s && exit 9", c->name);
  const int status = c->attach_run_waitl(c, NULL, "sh", "sh", "-c", script, NULL);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 9);
  char* host = c->get_running_config_item(c, "lxc.uts.name");
  CHECK(host != NULL && strcmp(host, c->name) == 0);
  free(host);
  CHECK(c->freeze(c) && c->unfreeze(c));
  CHECK(c->stop(c) && c->wait(c, "STOPPED", 20));
}

/* In the foreground, which LXC refuses in a program with threads: the start returns when the container has ended. */
static void in_the_foreground(Container* c) {
  char* const command[] = {(char*)"/bin/sh", (char*)"-c", (char*)"exit 3", NULL};
  CHECK(c->want_daemonize(c, false));
  c->start(c, 0, command);
  CHECK(WIFEXITED(c->error_num) && WEXITSTATUS(c->error_num) == 3);
  CHECK(!c->is_running(c));
}

static void* live_alone(void* argument) {
  Container* c = open_numbered(*(int*)argument);
  CHECK(c != NULL && define(c));
  for (int round = 0; round < kRounds; ++round) {
    one_round(c);
    CHECK(lxc_container_put(c) == 1);
    c = open_numbered(*(int*)argument);
    CHECK(c != NULL && c->is_defined(c));
    CHECK(list_defined_containers(lxcpath, NULL, NULL) >= 1);
  }
  in_the_foreground(c);
  CHECK(undefine(c));
  CHECK(lxc_container_put(c) == 1);
  return NULL;
}

static void own_containers(void) {
  int numbers[kThreads];
  for (int i = 0; i < kThreads; ++i) numbers[i] = i;
  run_all(live_alone, numbers, sizeof(numbers[0]));
}

/* --- all threads start the same one
 * --------------------------------------------------------------------------------------------- */

struct Race {
  Container* c; /* its own handle, or one for all */
  pthread_barrier_t* line;
  bool won;
};

static void* race_to_start(void* argument) {
  struct Race* race = argument;
  pthread_barrier_wait(race->line);
  race->won = starts(race->c);
  return NULL;
}

static void race_once(bool one_handle) {
  struct Race races[kThreads];
  pthread_barrier_t line;
  int winners = 0;
  Container* c = open_numbered(0);
  pthread_barrier_init(&line, NULL, kThreads);
  for (int i = 0; i < kThreads; ++i) races[i] = (struct Race){one_handle ? c : open_numbered(0), &line, false};
  run_all(race_to_start, races, sizeof(races[0]));
  for (int i = 0; i < kThreads; ++i) {
    winners += races[i].won ? 1 : 0;
    if (!one_handle) lxc_container_put(races[i].c);
  }
  if (winners != 1) fprintf(stderr, "%d threads started it\n", winners);
  CHECK(winners == 1);
  CHECK(c->wait(c, "RUNNING", 20));
  CHECK(c->stop(c) && c->wait(c, "STOPPED", 20));
  CHECK(lxc_container_put(c) == 1);
  pthread_barrier_destroy(&line);
}

static void same_container(void) {
  Container* c = open_numbered(0);
  CHECK(c != NULL && define(c));
  for (int i = 0; i < kRaces; ++i) {
    race_once(false);
    race_once(true);
  }
  CHECK(undefine(c));
  CHECK(lxc_container_put(c) == 1);
}

/* --- one handle for all
 * ------------------------------------------------------------------------------------------------------------ */

static void* take_and_give(void* argument) {
  Container* c = *(Container**)argument;
  for (int i = 0; i < kReferences; ++i) {
    CHECK(lxc_container_get(c) == 1);
    CHECK(lxc_container_put(c) == 0);
  }
  return NULL;
}

/* Two values, and a reader sees one of them whole. */
static void* set_and_get(void* argument) {
  Container* c = *(Container**)argument;
  char text[64];
  for (int i = 0; i < kReferences / 10; ++i) {
    CHECK(c->set_config_item(c, "lxc.uts.name", i % 2 == 0 ? "short" : "a-much-longer-name"));
    CHECK(c->get_config_item(c, "lxc.uts.name", text, sizeof(text)) > 0);
    CHECK(strcmp(text, "short") == 0 || strcmp(text, "a-much-longer-name") == 0);
    CHECK(!c->set_config_item(c, "lxc.no.such.key", "1") && !c->is_running(c));
    CHECK(c->get_keys(c, "lxc.net.0", text, sizeof(text)) > 0);
  }
  return NULL;
}

/* Whoever gives the last reference back frees the container: exactly one is told so. */
static void* give_the_last(void* argument) {
  Container** mine = argument;
  *mine = lxc_container_put(*mine) == 1 ? *mine : NULL;
  return NULL;
}

static void one_handle(void) {
  Container* handles[kThreads];
  Container* c = open_numbered(0);
  int freed = 0;
  CHECK(c->set_config_item(c, "lxc.net.0.type", "empty"));
  for (int i = 0; i < kThreads; ++i) handles[i] = c;
  run_all(take_and_give, handles, sizeof(handles[0]));
  run_all(set_and_get, handles, sizeof(handles[0]));
  for (int i = 1; i < kThreads; ++i) CHECK(lxc_container_get(c) == 1);
  run_all(give_the_last, handles, sizeof(handles[0]));
  c = NULL;
  for (int i = 0; i < kThreads; ++i) freed += handles[i] != NULL ? 1 : 0;
  CHECK(freed == 1);
}

int main(int count, char** arguments) {
  const Container* c = NULL;
  if (count != 4) return fprintf(stderr, "usage: %s LXCPATH PREFIX ROOTFS\n", arguments[0]), 2;
  lxcpath = arguments[1];
  prefix = arguments[2];
  rootfs = arguments[3];
  one_handle();
  own_containers();
  same_container();
  CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
  CHECK(list_all_containers(lxcpath, NULL, NULL) == 0);
  printf("%d failures\n", failures);
  return failures != 0;
}
