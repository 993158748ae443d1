// live_probe LXCPATH NAME mount SOURCE TARGET TYPE FLAGS DATA
//                         umount TARGET FLAGS
//                         interfaces
//                         addresses INTERFACE FAMILY SCOPE
//                         history read|clear MOST
// Calls what a program with threads would call, from one of two threads, and checks that neither has changed its namespaces
// or its directory. FLAGS are decimal. Output: one line each; a failure on stderr, status 1.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "runtime/container.hpp"
#include "runtime/live.hpp"

namespace {

using namespace berth;

std::string surroundings() {
  std::string text;
  for (const char* file : {"ns/mnt", "ns/net", "ns/user", "ns/pid", "cwd", "root"}) {
    char buffer[4096];
    const std::string path = std::string("/proc/thread-self/") + file;
    const ssize_t size = ::readlink(path.c_str(), buffer, sizeof buffer);
    text += std::string(buffer, size < 0 ? 0 : static_cast<std::size_t>(size)) + "\n";
  }
  return text;
}

Status show(Result<std::vector<std::string>> lines) {
  if (!lines) return fail(std::move(lines.error()));
  for (const std::string& line : *lines) std::printf("%s\n", line.c_str());
  return {};
}

Status act(const std::vector<std::string>& words) {
  const auto container = TRY(runtime::Container::open(words.at(1), words.at(0)));
  const std::string& what = words.at(2);
  if (what == "mount") {
    const unsigned long flags = std::strtoul(words.at(6).c_str(), nullptr, 10);
    return runtime::inject_mount(container, {words.at(3), words.at(4), words.at(5), flags, words.at(7)});
  }
  if (what == "umount") return runtime::remove_mount(container, words.at(3), std::strtoul(words.at(4).c_str(), nullptr, 10));
  if (what == "interfaces") return show(runtime::list_interfaces(container));
  if (what == "addresses")
    return show(runtime::list_addresses(container, words.at(3), words.at(4), std::atoi(words.at(5).c_str())));
  if (what == "history") {
    const bool read = words.at(3) == "read";
    const std::string text =
        TRY(container.client().console_log(read, !read, false, std::strtoul(words.at(4).c_str(), nullptr, 10)));
    std::fwrite(text.data(), 1, text.size(), stdout);
    return {};
  }
  return fail("unknown");
}

int run(const std::vector<std::string>& words) {
  const std::string before = surroundings();
  const Status done = act(words);
  if (!done) std::fputs(done.error().render("live_probe", words.at(1)).c_str(), stderr);
  if (surroundings() == before) return done ? 0 : 1;
  std::fputs("live_probe: the thread is elsewhere\n", stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const std::string before = surroundings();
  int status = 3;
  std::thread([&] { status = run(words); }).join();
  if (surroundings() == before) return status;
  std::fputs("live_probe: another thread is elsewhere\n", stderr);
  return 2;
}
