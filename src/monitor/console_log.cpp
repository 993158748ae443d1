// Runs in: the monitor.
#include "monitor/console_log.hpp"

#include <algorithm>

#include "sys/file.hpp"

namespace berth::monitor {
namespace {

constexpr mode_t kLogMode = 0640;

}  // namespace

Result<ConsoleLog> ConsoleLog::open(std::string path, std::uint64_t limit, bool rotate) {
  ConsoleLog log;
  log.path_ = std::move(path);
  log.limit_ = limit;
  log.rotate_ = rotate;
  TRY(log.open_file(0));
  return log;
}

Status ConsoleLog::open_file(int extra_flags) {
  file_ = TRY(sys::open(path_, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_CLOEXEC | extra_flags, kLogMode));
  size_ = static_cast<std::uint64_t>(TRY(sys::stat_fd(file_.get())).st_size);
  return {};
}

Status ConsoleLog::start_over() {
  if (!rotate_) return open_file(O_TRUNC);
  TRY(sys::rename(path_, path_ + ".1"));
  return open_file(0);
}

Status ConsoleLog::append(std::string_view data) {
  TRY(sys::write_all(file_.get(), data, path_));
  size_ += data.size();
  return {};
}

Status ConsoleLog::write(std::string_view data) {
  while (file_.valid() && !data.empty()) {
    const std::uint64_t room = limit_ == 0 ? data.size() : limit_ - std::min(limit_, size_);
    std::string_view piece = data.substr(0, room);
    if (piece.size() < data.size()) {
      const std::size_t line_end = piece.rfind('\n');
      if (line_end != std::string_view::npos)
        piece = piece.substr(0, line_end + 1);
      else if (size_ > 0)
        piece = {};
    }
    TRY(append(piece));
    data.remove_prefix(piece.size());
    if (!data.empty()) TRY(start_over());
  }
  return {};
}

}  // namespace berth::monitor
