// Takes a command line apart by a table of options, as GNU's getopt_long(3) does: options and arguments may be mixed, long names
// abbreviated, letters joined ("-dF"), and "--" ends the options. Without a C library, which the quick commands don't have.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "cli/option.hpp"

namespace berth::cli {

// One option that a command knows; `letter` is 0 where another row has it.
struct KnownOption {
  const Option* row;
  char letter;
};

struct GivenOption {
  const Option* row = nullptr;  // nullptr: "-?"
  std::string_view value;       // empty when there is none
};

class ArgumentScanner {
 public:
  // argv[0] is skipped; the words must outlive what is found in them.
  ArgumentScanner(std::span<const KnownOption> known, int argc, char** argv);

  // The next option, nullopt when there is none left. The error says what is wrong with the word, and what was meant.
  Result<std::optional<GivenOption>> next();
  // What was no option, in its order. Complete after the last next().
  [[nodiscard]] std::vector<std::string> take_arguments() { return std::move(arguments_); }

 private:
  Result<GivenOption> take_long(std::string_view word);
  Result<GivenOption> take_letter();
  [[nodiscard]] std::optional<std::string_view> take_word();

  std::span<const KnownOption> known_;
  int argc_;
  char** argv_;
  bool posix_;               // POSIXLY_CORRECT: the first word that is no option ends the options
  int next_ = 1;             // index of the word to look at
  std::string_view joined_;  // letters of the present word that are still to be looked at
  std::vector<std::string> arguments_;
};

}  // namespace berth::cli
