// How far long work has come, told to whoever shows it; and his wish that it should end.
#pragma once

#include <cstdint>
#include <string_view>

namespace berth::storage {

// Called from any thread of the work. The default listens to nothing and never cancels.
class Progress {
 public:
  Progress() = default;
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  virtual ~Progress() = default;

  // A part of the work begins, in words for a person ("copying the root file system"); `bytes` of it are expected, 0 = unknown.
  virtual void begin(std::string_view, std::uint64_t /*bytes*/) {}
  // So many more bytes (of data, not of holes) and files are done.
  virtual void advance(std::uint64_t /*bytes*/, std::uint64_t /*files*/) {}
  // True: the work is to stop soon with ECANCELED, and to take back what it made.
  [[nodiscard]] virtual bool cancelled() const { return false; }
};

}  // namespace berth::storage
