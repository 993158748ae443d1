/* Runs commands one after the other and prints what they took, so that the interpreter of the benchmark is not measured.
 *
 *   timer [--rss] COMMAND [ARGUMENT...] [+ COMMAND [ARGUMENT...]]...
 *
 * Prints one line: nanoseconds of all together, and with --rss also the largest peak resident set (KiB) of any process that the
 * commands left behind or that they waited for (programs executed below a left-behind one, a container's init, are not counted).
 * Ends with 1 and a message when a command fails. Output of the commands goes to /dev/null, their errors pass.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char** environ;

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void run(char** argv) {
  static posix_spawn_file_actions_t actions;
  static int ready;
  if (!ready) {
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    ready = 1;
  }
  pid_t pid;
  const int error = posix_spawn(&pid, argv[0], &actions, NULL, argv, environ);
  if (error != 0) {
    fprintf(stderr, "timer: %s: %s\n", argv[0], strerror(error));
    exit(1);
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  if (status != 0) {
    fprintf(stderr, "timer: %s: ended with wait status 0x%x\n", argv[0], (unsigned)status);
    exit(1);
  }
}

static long peak_of(int pid) {
  char name[64], line[256];
  snprintf(name, sizeof name, "/proc/%d/status", pid);
  FILE* file = fopen(name, "re");
  if (file == NULL) return 0;
  long peak = 0;
  while (fgets(line, sizeof line, file) != NULL)
    if (sscanf(line, "VmHWM: %ld", &peak) == 1) break;
  fclose(file);
  return peak;
}

/* Peak of the commands that were waited for, and of their daemons, which came to this process as their subreaper. */
static long peak_of_tree(void) {
  struct rusage usage;
  getrusage(RUSAGE_CHILDREN, &usage);
  long peak = usage.ru_maxrss;
  char name[64];
  snprintf(name, sizeof name, "/proc/self/task/%d/children", (int)getpid());
  FILE* file = fopen(name, "re");
  int pid;
  while (file != NULL && fscanf(file, "%d", &pid) == 1) {
    const long one = peak_of(pid);
    if (one > peak) peak = one;
  }
  if (file != NULL) fclose(file);
  return peak;
}

int main(int argc, char** argv) {
  int next = 1, rss = 0;
  if (argc > 1 && strcmp(argv[1], "--rss") == 0) {
    rss = 1;
    next++;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
  }
  if (next >= argc) {
    fprintf(stderr, "usage: timer [--rss] COMMAND [ARGUMENT...] [+ COMMAND...]...\n");
    return 1;
  }
  const long long start = now();
  while (next < argc) {
    char** command = argv + next;
    while (next < argc && strcmp(argv[next], "+") != 0) next++;
    if (next < argc) argv[next++] = NULL;
    run(command);
  }
  const long long took = now() - start;
  if (rss)
    printf("%lld %ld\n", took, peak_of_tree());
  else
    printf("%lld\n", took);
  return 0;
}
