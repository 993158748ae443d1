// Runs in: the monitor.
#include "monitor/notes.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/strings.hpp"

namespace berth::monitor {
namespace {

// A container that runs under us is trusted to send whole messages, not to end its strings.
template <std::size_t N>
std::string_view bounded(const char (&text)[N]) {
  const std::string_view all(text, N);
  return all.substr(0, all.find('\0'));
}

}  // namespace

void log_note(const child::BlobView& blob, const child::Message& message) {
  const child::Failure& note = message.failure;
  const child::Step& step = blob.step(note.step);
  if (message.kind == child::MessageKind::kSkipped) {
    log::debug("mount",
               strings::cat(blob.text(step.doing), ": left out, it is optional: ", strings::printable(bounded(note.call)), '(',
                            strings::printable(bounded(note.object)), "): ", errno_name(note.error)));
    return;
  }
  const child::StringList command = blob.list(step.list[0]);
  const std::string_view name = command.size() > 0 ? command[command.size() - 1] : "a hook";
  for (const std::string_view line : strings::split(strings::trim_right(bounded(note.output)), '\n'))
    log::debug("hook", strings::cat(name, " produced output: ", strings::printable(line)));
}

}  // namespace berth::monitor
