// Runs in: host commands and library callers.
#include "runtime/programs.hpp"

#include <cerrno>

#include "base/strings.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"

#ifndef BERTH_LIBEXECDIR
#define BERTH_LIBEXECDIR "/usr/libexec/berth"
#endif
#ifndef BERTH_BINDIR
#define BERTH_BINDIR "/usr/bin"
#endif

namespace berth::runtime {

namespace {

std::string& library_directory() {
  static std::string directory;
  return directory;
}

// `kind` is the directory's name beside that of the program or library.
Result<std::string> find(std::string_view name, std::string_view kind, std::string_view installed_in) {
  if (const std::string directory = own_directory(); !directory.empty()) {
    std::string beside = strings::cat(directory.substr(0, directory.rfind('/')), '/', kind, '/', name);
    if (sys::exists(beside)) return beside;
  }
  std::string installed = strings::cat(installed_in, "/", name);
  if (sys::exists(installed)) return installed;
  return fail(Error::message(strings::cat("the program ", name, " is missing"), ENOENT)
                  .because(strings::cat("neither ", kind, " beside the program's directory nor ", installed_in, " has it"))
                  .hint("install berth completely, or build it: cmake --preset release && cmake --build --preset release"));
}

}  // namespace

void look_beside(std::string directory) { library_directory() = std::move(directory); }

std::string own_directory() {
  if (!library_directory().empty()) return library_directory();
  const auto self = sys::read_link("/proc/self/exe");
  return self ? self->substr(0, self->rfind('/')) : std::string();
}

Result<std::string> find_helper(std::string_view name) { return find(name, "libexec", BERTH_LIBEXECDIR); }

Result<std::string> find_command(std::string_view name) { return find(name, "bin", BERTH_BINDIR); }

Result<Fd> open_helper(std::string_view name) { return sys::open_program_safely(TRY(find_helper(name))); }

}  // namespace berth::runtime
