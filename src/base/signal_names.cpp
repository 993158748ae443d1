// Runs in: every process.
#include "base/signal_names.hpp"

#include <array>
#include <csignal>

#include "base/strings.hpp"

namespace berth::signals {
namespace {

struct SignalName {
  std::string_view name;  // without SIG
  int number;
};

// The first name of a number is the one that name_of() gives.
constexpr std::array kNames = std::to_array<SignalName>({
    {"HUP", SIGHUP},   {"INT", SIGINT},   {"QUIT", SIGQUIT}, {"ILL", SIGILL},       {"TRAP", SIGTRAP},     {"ABRT", SIGABRT},
    {"IOT", SIGABRT},  {"BUS", SIGBUS},   {"FPE", SIGFPE},   {"KILL", SIGKILL},     {"USR1", SIGUSR1},     {"SEGV", SIGSEGV},
    {"USR2", SIGUSR2}, {"PIPE", SIGPIPE}, {"ALRM", SIGALRM}, {"TERM", SIGTERM},     {"STKFLT", SIGSTKFLT}, {"CHLD", SIGCHLD},
    {"CLD", SIGCHLD},  {"CONT", SIGCONT}, {"STOP", SIGSTOP}, {"TSTP", SIGTSTP},     {"TTIN", SIGTTIN},     {"TTOU", SIGTTOU},
    {"URG", SIGURG},   {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ}, {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF},     {"WINCH", SIGWINCH},
    {"IO", SIGIO},     {"POLL", SIGIO},   {"PWR", SIGPWR},   {"SYS", SIGSYS},
});

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

// "RTMIN+3", "RTMAX-2".
std::optional<int> real_time_signal(std::string_view name) {
  const bool from_low = name.starts_with("RTMIN+");
  if (!from_low && !name.starts_with("RTMAX-")) return std::nullopt;
  const auto offset = strings::parse_number<unsigned>(name.substr(6));
  const int low = SIGRTMIN;
  const int high = SIGRTMAX;
  if (!offset || *offset > static_cast<unsigned>(high - low)) return std::nullopt;
  return from_low ? low + static_cast<int>(*offset) : high - static_cast<int>(*offset);
}

}  // namespace

std::optional<int> number_of(std::string_view text) {
  const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
  if (const auto number = strings::parse_number<unsigned>(hexadecimal ? text.substr(2) : text, hexadecimal ? 16 : 10)) {
    if (*number > static_cast<unsigned>(SIGRTMAX)) return std::nullopt;
    return static_cast<int>(*number);
  }
  const std::string name = upper(text);
  if (!name.starts_with("SIG")) return std::nullopt;
  const std::string_view bare = std::string_view(name).substr(3);
  if (bare == "RTMIN") return SIGRTMIN;
  if (bare == "RTMAX") return SIGRTMAX;
  for (const SignalName& known : kNames) {
    if (known.name == bare) return known.number;
  }
  return real_time_signal(bare);
}

std::string name_of(int number) {
  for (const SignalName& known : kNames) {
    if (known.number == number) return strings::cat("SIG", known.name);
  }
  const int low = SIGRTMIN;
  if (number >= low && number <= SIGRTMAX) return number == low ? "SIGRTMIN" : strings::cat("SIGRTMIN+", number - low);
  return strings::cat("signal ", number);
}

}  // namespace berth::signals
