// Makes system calls by number and says what came of them. Runs inside containers: static, no library of theirs.
//   call NR ARG...    "ok" or "errno N"
//   int80 NR ARG...   the same by the door of 32 bit programs
//   trap NR           "trapped NR" when SIGSYS came
//   thread NR         a thread makes the call; "survived" when the process outlives it
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void trapped(int signal, siginfo_t* info, void* context) {
  (void)signal;
  (void)context;
  char text[32];
  const int size = snprintf(text, sizeof text, "trapped %d\n", info->si_syscall);
  if (write(1, text, (size_t)size) < 0) _exit(3);
  _exit(0);
}

static void* calling(void* number) {
  syscall((long)number, 0, 0, 0);
  return NULL;
}

static int say(long result) {
  if (result < 0)
    printf("errno %ld\n", -result);
  else
    printf("ok\n");
  return 0;
}

int main(int count, char** words) {
  if (count < 3) return 2;
  long values[7] = {0};
  for (int i = 2; i < count && i < 9; ++i) values[i - 2] = strtol(words[i], NULL, 0);
  if (strcmp(words[1], "call") == 0) {
    const long result = syscall(values[0], values[1], values[2], values[3], values[4], values[5], values[6]);
    return say(result < 0 ? -errno : result);
  }
  if (strcmp(words[1], "int80") == 0) {
    int result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"((int)values[0]), "b"(values[1]), "c"(values[2]), "d"(values[3]) : "memory");
    return say(result);
  }
  if (strcmp(words[1], "trap") == 0) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = trapped;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSYS, &action, NULL);
    return say(syscall(values[0]));
  }
  pthread_t thread;
  if (pthread_create(&thread, NULL, calling, (void*)values[0]) != 0) return 3;
  usleep(200000);
  puts("survived");
  return 0;
}
