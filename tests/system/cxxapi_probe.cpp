// What no example shows of the C++ interface, for tests/system/cxxapi.bats: cxxapi_probe LXCPATH NAME QUESTION. Each question
// fails with the line that was not as expected.
#include <sys/stat.h>
#include <unistd.h>
#include <berth/container.hpp>
#include <berth/events.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <thread>

using namespace berth::api;
using namespace std::chrono_literals;

namespace {

const char* g_lxcpath;
const char* g_name;

struct Failed {
  int line;
};

#define EXPECT(...)                             \
  do {                                          \
    if (!(__VA_ARGS__)) throw Failed{__LINE__}; \
  } while (false)

template <typename T>
int code_of(const Result<T>& result) {
  return result ? 0 : result.error().code();
}

template <typename T>
T must(Result<T> result, int line = __builtin_LINE()) {
  if (!result) {
    std::fputs(result.error().text("cxxapi_probe", g_name).c_str(), stderr);
    throw Failed{line};
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

Container own() { return must(Container::open(g_name, g_lxcpath)); }

// The init of these tests has set its handlers: before, the kernel drops signals to it.
void await_handlers(const Container& c) {
  const std::string wait = "until grep -q '^SigCgt:.*[2367abef]..$' /proc/1/status; do sleep 0.1; done";  // SIGUSR1
  EXPECT(must(c.run({"/bin/sh", "-c", wait})).success());
}

void life() {
  const Container c = own();
  EXPECT(c.defined() && !must(c.running()));
  EXPECT(code_of(c.init_pid()) == ECONNREFUSED);
  EXPECT(code_of(c.freeze()) == ECONNREFUSED && code_of(c.reboot()) == ECONNREFUSED);
  EXPECT(!must(c.stop()));
  const Started started = must(c.start());
  EXPECT(started.init_pid == must(c.init_pid()));
  EXPECT(must(c.init_pidfd()).get() >= 0);
  EXPECT(code_of(c.start()) == EBUSY);
  EXPECT(must(c.wait({State::kRunning}, 5s)) && !must(c.wait({State::kStopped}, 0s)));
  must(c.freeze());
  must(c.freeze());
  EXPECT(must(c.state()) == State::kFrozen);
  must(c.unfreeze());
  EXPECT(must(c.state()) == State::kRunning);
  await_handlers(c);
  EXPECT(must(c.reboot(20s)) && must(c.init_pid()) != started.init_pid);
  EXPECT(must(c.running_config_item("lxc.uts.name")) == g_name);
  await_handlers(c);
  EXPECT(must(c.shutdown(20s)) && must(c.state()) == State::kStopped);
}

void foreground() {
  const Started ended = must(own().start({.command = {"/bin/sh", "-c", "exit 7"}, .with_init = true, .foreground = true}));
  EXPECT(ended.status.code() == 7 && !ended.status.success());
}

void commands() {
  const Container c = own();
  EXPECT(must(c.run({"/bin/sh", "-c", "exit 3"})).code() == 3);
  EXPECT(must(c.run({"/bin/sh", "-c", "kill -9 $$"})).signal() == 9);
  EXPECT(code_of(c.run({"/no/such"})) == ENOENT);
  const std::string much(300000, 'x');
  const Output output = must(c.capture({"/bin/sh", "-c", "cat; echo complaint >&2"}, much));
  EXPECT(output.out == much && output.err == "complaint\n" && output.status.success());
  EXPECT(must(c.capture({"/bin/sh", "-c", "exit 0"}, much)).out.empty());
  EXPECT(must(c.capture({"/bin/id", "-u"}, "", {.uid = 12, .gid = 12})).out == "12\n");
  Process sleeper = must(c.spawn({"/bin/sleep", "1000"}));
  EXPECT(!must(sleeper.try_wait()));
  must(sleeper.signal(15));
  EXPECT(must(sleeper.wait()).signal() == 15);
  EXPECT(must(sleeper.wait()).signal() == 15 && must(sleeper.try_wait())->code() == 128 + 15);
  EXPECT(!sleeper.signal(15));
}

void functions() {
  const Container c = own();
  const std::string wanted = g_name;
  Process process = must(c.call([wanted] {
    char name[256] = {};
    return ::gethostname(name, sizeof(name) - 1) == 0 && wanted == name && ::access("/sbin/testinit", X_OK) == 0 ? 42 : 1;
  }));
  EXPECT(must(process.wait()).code() == 42);
  EXPECT(must(must(c.call([]() -> int { throw 1; })).wait()).signal() == 6);
  EXPECT(!c.call({}));
}

void live() {
  const Container c = own();
  must(c.add_device("/dev/full"));
  EXPECT(must(c.run({"/bin/test", "-c", "/dev/full"})).success());
  must(c.remove_device("/dev/full"));
  EXPECT(!must(c.run({"/bin/test", "-c", "/dev/full"})).success());
  EXPECT(must(c.interfaces()) == std::vector<std::string>{"lo"} && must(c.addresses()).empty());
  const Terminal terminal = must(c.terminal());
  EXPECT(terminal.number > 0 && ::isatty(terminal.master.get()) == 1);
  EXPECT(must(c.devpts()).get() >= 0);
  EXPECT(code_of(c.seccomp_notify()) == EBADF);
  EXPECT(code_of(c.mount({.source = "/no/such/source", .target = "/mnt"})) == ENOENT);
}

// The terminal prints what is written to its other end; the user sees it, types something, and leaves.
void console() {
  const Container c = own();
  int in[2], out[2];
  EXPECT(::pipe(in) == 0 && ::pipe(out) == 0);
  std::jthread user([&] {
    must(c.run({"/bin/sh", "-c", "sleep 0.3; echo greeting >/dev/tty1"}));
    std::string seen;
    char one = 0;
    while (seen.find("greeting") == std::string::npos && ::read(out[0], &one, 1) == 1) seen += one;
    std::string_view typed = "x\x01q";
    (void)!::write(in[1], typed.data(), typed.size());
  });
  must(c.join_terminal({.number = 1, .stdin_fd = in[0], .stdout_fd = out[1], .stderr_fd = out[1]}));
  EXPECT(code_of(c.join_terminal({.escape = '1'})) == EINVAL);
  EXPECT(code_of(c.join_terminal({.number = 99})) != 0);
}

void moves() {
  Container a = own();
  const Container b = std::move(a);
  EXPECT(b.name() == g_name && a.name().empty() && !a.defined());  // NOLINT: that is the question
  EXPECT(code_of(a.state()) == EBADF && !a.state().error().hint().empty());
  Config config;
  const Config other = std::move(config);
  EXPECT(code_of(config.set("lxc.uts.name", "x")) == EBADF && other.host_name().empty());
}

void lists() {
  EXPECT(must(containers(Which::kAll, std::string(g_lxcpath) + "/nothing/here")).empty());
  EXPECT(code_of(containers(Which::kAll, "relative")) == EINVAL);
  const auto running = must(containers(Which::kRunning, g_lxcpath));
  const auto defined = must(containers(Which::kDefined, g_lxcpath));
  EXPECT(running.size() == 1 && running.begin()->name() == g_name);
  EXPECT(defined.size() == 3 && must(containers(Which::kAll, g_lxcpath)).size() == 3);
  EXPECT(std::ranges::is_sorted(defined, {}, &Container::name));
}

void naming() {
  Container c = own();
  must(c.rename("other"));
  EXPECT(c.name() == "other" && c.defined() && !own().defined());
  must(c.rename(g_name));
  EXPECT(code_of(c.rename("a/b")) == EINVAL && c.name() == g_name);
}

// STARTING, RUNNING, then the end, as they were in this process's own start and stop.
void events() {
  const Container c = own();
  Events events = must(Events::subscribe(g_lxcpath, {g_name}));
  Events nothing = must(Events::subscribe(g_lxcpath, {"someone-else"}));
  EXPECT(!must(events.next(0ms)));
  must(c.start());
  must(c.stop());
  std::vector<State> states;
  bool exited = false;
  while (states.empty() || states.back() != State::kStopped) {
    const auto event = must(events.next(20s));
    EXPECT(event && event->container == g_name);
    if (event->state() != nullptr) states.push_back(*event->state());
    exited |= event->exit() != nullptr;
  }
  for (const State one : states) std::puts(std::string(to_string(one)).c_str());
  EXPECT(exited && !must(nothing.next(100ms)));
}

// One object in several threads: each gets its own answers.
void threads() {
  const Container c = own();
  std::atomic<int> good = 0;
  const auto work = [&](int number) {
    for (int i = 0; i < 10; ++i) {
      const auto output = c.capture({"/bin/echo", std::to_string(number)});
      const auto state = c.state();
      const auto error = c.cgroup_item("no.such." + std::to_string(number));
      const bool own_error = !error && error.error().message().find("no.such." + std::to_string(number)) != std::string::npos;
      good += output && output->out == std::to_string(number) + "\n" && state && *state == State::kRunning && own_error;
    }
  };
  std::vector<std::jthread> all;
  for (int number = 0; number < 4; ++number) all.emplace_back(work, number);
  all.clear();
  EXPECT(good == 40);
}

// A copy of a copy is gone before what it was made of; one that runs keeps all of them.
void clones() {
  const Container c = own();
  const std::string name = g_name, first = name + "c", second = name + "d";
  const Container copy = must(c.clone(first, {.snapshot = true}));
  (void)must(copy.clone(second, {.snapshot = true}));
  EXPECT(code_of(c.destroy()) == EBUSY);
  std::set<std::string> gone;
  bool all_gone = true;
  const DestroyOptions all{.clones = true, .clone_gone = [&](const Container& clone) {
                             all_gone = all_gone && !clone.defined() && clone.lxcpath() == g_lxcpath;
                             gone.insert(clone.name());
                           }};
  must(copy.start());
  EXPECT(code_of(c.destroy(all)) == EBUSY && gone.empty() && c.defined() && copy.defined());
  must(copy.stop());
  (void)must(copy.take_snapshot());
  EXPECT(code_of(c.destroy(all)) == EBUSY && gone.empty() && c.defined() && copy.defined());
  DestroyOptions with_snapshots = all;
  with_snapshots.snapshots = true;
  must(c.destroy(with_snapshots));
  EXPECT(all_gone && (gone == std::set<std::string>{first, second}) && !c.defined());
}

const std::map<std::string_view, void (*)()> kQuestions = {
    {"life", life},     {"foreground", foreground}, {"commands", commands}, {"functions", functions},
    {"live", live},     {"moves", moves},           {"lists", lists},       {"naming", naming},
    {"events", events}, {"threads", threads},       {"console", console},   {"clones", clones}};

}  // namespace

int main(int argc, char** argv) {
  const auto question = argc == 4 ? kQuestions.find(argv[3]) : kQuestions.end();
  if (question == kQuestions.end()) return 2;
  g_lxcpath = argv[1];
  g_name = argv[2];
  try {
    question->second();
  } catch (const Failed& failed) {
    std::fprintf(stderr, "%s:%d: not as expected\n", __FILE__, failed.line);
    return 1;
  }
}
