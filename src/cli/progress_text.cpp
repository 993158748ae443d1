// Runs in: host commands.
#include "cli/progress_text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include "base/strings.hpp"
#include "cli/json.hpp"

namespace berth::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kBarInterval{100}, kPlainDelay{1000}, kPlainInterval{10'000}, kJsonInterval{1000};
constexpr std::size_t kNarrowBar = 10, kWideBar = 40;
constexpr std::uint64_t kSecond = 1000;  // milliseconds
constexpr std::string_view kEraseLine = "\r\x1b[K";

std::uint64_t elapsed_of(const ProgressState& state) { return static_cast<std::uint64_t>(state.elapsed.count()); }

// Bytes a second; nothing in the first moments, when it says nothing.
std::optional<std::uint64_t> rate_of(const ProgressState& state) {
  constexpr std::uint64_t kTooEarly = 200;
  if (elapsed_of(state) < kTooEarly || state.bytes == 0) return std::nullopt;
  return static_cast<std::uint64_t>(static_cast<double>(state.bytes) * kSecond / static_cast<double>(elapsed_of(state)));
}

std::optional<std::uint64_t> seconds_left(const ProgressState& state) {
  const auto rate = rate_of(state);
  if (!rate || *rate == 0 || state.expected == 0) return std::nullopt;
  return state.bytes >= state.expected ? 0 : (state.expected - state.bytes + *rate - 1) / *rate;
}

std::string as_time(std::uint64_t seconds) {
  const auto two = [](std::uint64_t number) { return strings::cat(number < 10 ? "0" : "", number); };
  const std::uint64_t minutes = seconds / 60;
  if (minutes < 60) return strings::cat(minutes, ":", two(seconds % 60));
  return strings::cat(minutes / 60, ":", two(minutes % 60), ":", two(seconds % 60));
}

// Never 100 before all is done, whatever was expected.
std::uint64_t percent(const ProgressState& state) {
  const double share = static_cast<double>(state.bytes) / static_cast<double>(state.expected);
  return std::min<std::uint64_t>(100, static_cast<std::uint64_t>(share * 100));
}

std::string amount(const ProgressState& state) {
  return state.expected == 0 ? short_bytes(state.bytes) : short_bytes(state.bytes) + " of " + short_bytes(state.expected);
}

std::string files_of(const ProgressState& state) { return strings::cat(state.files, state.files == 1 ? " file" : " files"); }

// Cut to so many columns of characters that are one column wide.
std::string cut(std::string_view text, std::size_t columns) {
  std::string result;
  for (const char c : text) {
    const bool begins = (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    if (begins && columns-- == 0) break;
    result.push_back(c);
  }
  return result;
}

std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string drawn(const ProgressState& state, std::size_t width) {
  const auto filled = static_cast<std::size_t>(percent(state) * width / 100);
  std::string bar(filled, '=');
  if (filled < width) bar.push_back('>');
  bar.resize(width, ' ');
  return strings::cat("[", bar, "]");
}

}  // namespace

std::string short_bytes(std::uint64_t bytes) {
  constexpr auto kUnits = std::to_array<const char*>({"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"});
  constexpr double kStep = 1024, kShown = 999.5;  // more would need four digits
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= kShown && unit + 1 < kUnits.size()) {
    value /= kStep;
    ++unit;
  }
  char text[32];
  const int length = std::snprintf(text, sizeof text, unit == 0 || value >= 99.95 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return {text, static_cast<std::size_t>(length)};
}

std::string progress_bar(const ProgressState& state, std::size_t width) {
  const auto rate = rate_of(state);
  const auto left = seconds_left(state);
  // The first goes last when there is too little room.
  std::vector<std::string> fields{amount(state)};
  if (state.expected != 0) fields.insert(fields.begin(), strings::cat(percent(state), " %"));
  if (left) fields.push_back(as_time(*left) + " left");
  if (rate) fields.push_back(short_bytes(*rate) + "/s");
  if (state.files != 0) fields.push_back(files_of(state));
  std::string part = strings::printable(state.part);
  const auto joined = [&] {
    std::string text = part;
    for (const auto& field : fields) text += strings::cat(text.empty() ? "" : "  ", field);
    return text;
  };
  std::string line = joined();
  for (; columns_of(line) > width && fields.size() > 1; line = joined()) fields.pop_back();
  if (columns_of(line) > width) part = cut(part, width - std::min(width, columns_of(line) - columns_of(part))), line = joined();
  const std::size_t room = width - std::min(width, columns_of(line));
  constexpr std::size_t kAround = 4;  // brackets, blanks
  if (state.expected == 0 || room < kNarrowBar + kAround) return cut(line, width);
  fields.insert(fields.begin(), drawn(state, std::min(kWideBar, room - kAround)));
  return joined();
}

std::string progress_line(const ProgressState& state) {
  std::string text = strings::cat(strings::printable(state.part), ": ", amount(state));
  if (const auto rate = rate_of(state)) text += strings::cat(", ", short_bytes(*rate), "/s");
  if (state.files != 0) text += strings::cat(", ", files_of(state));
  return text;
}

std::string progress_json(const ProgressState& state, std::string_view event) {
  JsonWriter json(JsonWriter::Layout::kOneLine);
  const auto number = [&](std::string_view name, std::optional<std::uint64_t> value) {
    json.key(name);
    if (value) json.value(*value);
    if (!value) json.null();
  };
  json.begin_object().key("event").value(event).key("part").value(state.part);
  number("bytes", state.bytes);
  number("bytes_expected", state.expected == 0 ? std::nullopt : std::optional(state.expected));
  number("files", state.files);
  number("elapsed_ms", elapsed_of(state));
  number("bytes_per_second", rate_of(state));
  number("seconds_left", seconds_left(state));
  json.end_object();
  return json.take();
}

std::string ProgressText::plain(std::string_view text) const { return strings::cat(prefix_, text, "\n"); }

bool ProgressText::due(milliseconds now) const {
  switch (form_) {
    case ProgressForm::kBar:
      return now - shown_ >= kBarInterval;
    case ProgressForm::kPlain:
      return visible_ ? now - shown_ >= kPlainInterval : now - began_ >= kPlainDelay;
    case ProgressForm::kJson:
      return now - shown_ >= kJsonInterval;
    case ProgressForm::kNone:
      break;
  }
  return false;
}

std::string ProgressText::begin(std::string_view part, std::uint64_t expected, milliseconds now, std::size_t width) {
  std::string text = end(now);
  state_ = {std::string(part), expected, 0, 0, {}};
  began_ = shown_ = now;
  active_ = true;
  visible_ = form_ == ProgressForm::kBar;
  if (form_ == ProgressForm::kJson) return text + progress_json(state_, "begin");
  if (form_ == ProgressForm::kBar) text += strings::cat("\r", progress_bar(state_, width), "\x1b[K");
  return text;
}

std::string ProgressText::advance(std::uint64_t bytes, std::uint64_t files, milliseconds now, std::size_t width) {
  state_.bytes += bytes;
  state_.files += files;
  if (!active_ || !due(now)) return {};
  state_.elapsed = now - began_;
  shown_ = now;
  const bool first = !std::exchange(visible_, true);
  if (form_ == ProgressForm::kBar) return strings::cat("\r", progress_bar(state_, width), "\x1b[K");
  if (form_ == ProgressForm::kJson) return progress_json(state_, "progress");
  return plain(first ? strings::printable(state_.part) : progress_line(state_));
}

std::string ProgressText::end(milliseconds now) {
  if (!std::exchange(active_, false)) return {};
  state_.elapsed = now - began_;
  switch (form_) {
    case ProgressForm::kBar:
      return std::string(kEraseLine);
    case ProgressForm::kPlain:
      if (!visible_) return {};
      return plain(strings::cat(progress_line(state_), ", ended after ", as_time(elapsed_of(state_) / kSecond)));
    case ProgressForm::kJson:
      return progress_json(state_, "end");
    case ProgressForm::kNone:
      break;
  }
  return {};
}

}  // namespace berth::cli
