// Runs in: programs that link a library of berth's.
#include "runtime/own_library.hpp"

#include <dlfcn.h>
#include <stdlib.h>

#include "base/strings.hpp"
#include "config/global.hpp"
#include "runtime/programs.hpp"

namespace berth::runtime {

void look_beside_library_of(const void* code) {
  Dl_info info{};
  if (::dladdr(code, &info) == 0 || info.dli_fname == nullptr) return;
  char* path = ::realpath(info.dli_fname, nullptr);
  if (path == nullptr) return;
  const std::string file(path);
  ::free(path);
  look_beside(file.substr(0, file.rfind('/')));
}

Result<std::string> resolve_lxcpath(std::string lxcpath) {
  if (lxcpath.empty()) lxcpath = TRY(config::global_item("lxc.lxcpath"));
  if (!lxcpath.starts_with('/') || lxcpath.find('\0') != std::string::npos) {
    return fail(Error::message(strings::cat("'", strings::printable(lxcpath), "' cannot be a lxcpath"))
                    .because("it is no absolute path")
                    .hint("give a path that begins with '/', or none for that of lxc.conf"));
  }
  while (lxcpath.size() > 1 && lxcpath.ends_with('/')) lxcpath.pop_back();
  return lxcpath;
}

}  // namespace berth::runtime
