// Runs in: berth-seccomp, started by commands that need a filter: the policy on standard input, its name as argument, the filter
// on standard output. A program of its own, so that nothing else has to be linked with libseccomp (docs/adr/0008).
#include <unistd.h>

#include "base/strings.hpp"
#include "compiler.hpp"
#include "sys/file.hpp"

namespace {

using namespace berth;

Status compile_input(const std::string& file) {
  const std::string text = TRY(sys::read_all(STDIN_FILENO, file));
  const security::Policy policy = TRY(security::parse_policy(text, file));
  const security::CompiledFilter filter = TRY(security::compile(policy, file));
  return sys::write_all(STDOUT_FILENO, security::encode_filter(filter), "the filter");
}

}  // namespace

int main(int count, char** arguments) {
  sys::fill_standard_descriptors(O_RDONLY);
  const Status done = compile_input(count > 1 ? arguments[1] : "policy");
  if (done) return 0;
  const std::string words = strings::cat(done.error().line(), "\n");
  (void)sys::write_all(STDERR_FILENO, words, "the message");
  return 1;
}
