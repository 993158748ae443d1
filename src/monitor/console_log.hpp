// The file that a console is logged to: bounded in size, rotated to FILE.1 or started afresh.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth::monitor {

class ConsoleLog {
 public:
  ConsoleLog() = default;  // logs nothing
  // `limit` in bytes, 0 = none. Appends to an existing file; made with mode 0640.
  static Result<ConsoleLog> open(std::string path, std::uint64_t limit, bool rotate);

  [[nodiscard]] bool active() const { return file_.valid(); }
  // Splits what crosses the limit, after the last line that still fits when there is one.
  Status write(std::string_view data);

 private:
  Status open_file(int extra_flags);
  Status start_over();
  Status append(std::string_view data);

  std::string path_;
  std::uint64_t limit_ = 0;
  std::uint64_t size_ = 0;
  bool rotate_ = false;
  Fd file_;
};

}  // namespace berth::monitor
