// Runs in: host commands.
#include "runtime/programs.hpp"

#include <cerrno>

#include "base/strings.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"

#ifndef BERTH_LIBEXECDIR
#define BERTH_LIBEXECDIR "/usr/libexec/berth"
#endif

namespace berth::runtime {

Result<std::string> find_helper(std::string_view name) {
  if (const auto self = sys::read_link("/proc/self/exe")) {
    const std::string directory = self->substr(0, self->rfind('/'));
    std::string beside = strings::cat(directory.substr(0, directory.rfind('/')), "/libexec/", name);
    if (sys::exists(beside)) return beside;
  }
  std::string installed = strings::cat(BERTH_LIBEXECDIR, "/", name);
  if (sys::exists(installed)) return installed;
  return fail(Error::message(strings::cat("the helper program ", name, " is missing"), ENOENT)
                  .because(strings::cat("neither libexec beside the program's directory nor ", BERTH_LIBEXECDIR, " has it"))
                  .hint("install berth completely, or build it: cmake --preset release && cmake --build --preset release"));
}

Result<Fd> open_helper(std::string_view name) { return sys::open_program_safely(TRY(find_helper(name))); }

}  // namespace berth::runtime
