// Runs in: the starting command.
#include <cstring>
#include <utility>

#include "plan/plan.hpp"

namespace berth::plan {
namespace {

// Lays strings and lists out behind the steps; equal strings are stored once.
class Writer {
 public:
  explicit Writer(std::size_t start) : bytes_(start, '\0'), slots_(kFirstSlots) {}

  std::uint32_t text(const std::string& value) {
    if (value.empty()) return 0;
    if (stored_ * 2 >= slots_.size()) grow();
    std::uint32_t& slot = slot_of(value);
    if (slot != 0) return slot;
    ++stored_;
    slot = static_cast<std::uint32_t>(bytes_.size());
    bytes_.append(value.c_str(), value.size() + 1);
    return slot;
  }

  // A string that must exist even when empty (list members).
  std::uint32_t member(const std::string& value) {
    if (!value.empty()) return text(value);
    if (empty_ == 0) {
      empty_ = static_cast<std::uint32_t>(bytes_.size());
      bytes_.push_back('\0');
    }
    return empty_;
  }

  std::uint32_t list(const std::vector<std::string>& values) {
    if (values.empty()) return 0;
    std::vector<std::uint32_t> words{static_cast<std::uint32_t>(values.size())};
    words.reserve(values.size() + 1);
    for (const std::string& value : values) words.push_back(member(value));
    bytes_.resize((bytes_.size() + 7) / 8 * 8, '\0');
    const auto offset = static_cast<std::uint32_t>(bytes_.size());
    bytes_.append(reinterpret_cast<const char*>(words.data()), words.size() * sizeof(std::uint32_t));
    return offset;
  }

  std::uint32_t block(const std::string& value) {
    if (value.empty()) return 0;
    bytes_.resize((bytes_.size() + 7) / 8 * 8, '\0');
    const auto offset = static_cast<std::uint32_t>(bytes_.size());
    const auto size = static_cast<std::uint32_t>(value.size());
    bytes_.append(reinterpret_cast<const char*>(&size), sizeof size);
    bytes_.append(value);
    return offset;
  }

  std::string take() && {
    bytes_.push_back('\0');
    return std::move(bytes_);
  }

 private:
  static constexpr std::size_t kFirstSlots = 512;  // a power of two, as it stays

  [[nodiscard]] std::string_view stored_at(std::uint32_t offset) const { return bytes_.c_str() + offset; }

  // Open addressing: where the text is, or the free slot where it belongs.
  std::uint32_t& slot_of(std::string_view value) {
    std::uint32_t hash = 2166136261;  // FNV-1a
    for (const char c : value) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619;
    std::size_t at = hash & (slots_.size() - 1);
    while (slots_[at] != 0 && stored_at(slots_[at]) != value) at = (at + 1) & (slots_.size() - 1);
    return slots_[at];
  }

  void grow() {
    const std::vector<std::uint32_t> before = std::exchange(slots_, std::vector<std::uint32_t>(slots_.size() * 2));
    for (const std::uint32_t offset : before) {
      if (offset != 0) slot_of(stored_at(offset)) = offset;
    }
  }

  std::string bytes_;
  std::vector<std::uint32_t> slots_;  // offsets; 0 = free
  std::size_t stored_ = 0;
  std::uint32_t empty_ = 0;
};

child::Step encode_step(const PlannedStep& planned, Writer& writer) {
  child::Step step;
  step.op = planned.op;
  step.phase = planned.phase;
  step.flags = planned.flags;
  for (std::size_t i = 0; i < 4; ++i) step.text[i] = writer.text(planned.text[i]);
  for (std::size_t i = 0; i < 2; ++i) step.list[i] = writer.list(planned.list[i]);
  for (std::size_t i = 0; i < 4; ++i) step.num[i] = planned.num[i];
  step.undoes = planned.undoes;
  step.doing = writer.text(planned.doing);
  step.origin_file = writer.text(planned.origin.file);
  step.origin_line = planned.origin.line;
  step.origin_text = writer.text(planned.origin.text);
  step.block = writer.block(planned.block);
  return step;
}

child::MonitorSettings encode_settings(const Settings& from, Writer& writer) {
  child::MonitorSettings to = {};
  to.name = writer.text(from.name);
  to.lxcpath = writer.text(from.lxcpath);
  to.socket_name = writer.text(from.socket_name);
  to.config_items = writer.list(from.config_items);
  to.cgroup_paths = writer.list(from.cgroup_paths);
  to.monitor_cgroups = writer.list(from.monitor_cgroups);
  to.pivot_cgroup = writer.text(from.pivot_cgroup);
  to.freezer = writer.text(from.freezer);
  to.console_log = writer.text(from.console_log);
  to.console_path = writer.text(from.console_path);
  to.pid_file = writer.text(from.pid_file);
  to.log_file = writer.text(from.log_file);
  to.log_prefix = writer.text(from.log_prefix);
  to.name_lock = writer.text(from.name_lock);
  to.monitor_fifo = writer.text(from.monitor_fifo);
  to.destroy_program = writer.list(from.destroy_program);
  to.console_buffer = from.console_buffer;
  to.console_log_size = from.console_log_size;
  to.console_rotate = from.console_rotate ? 1 : 0;
  to.log_level = from.log_level;
  to.foreground = from.foreground ? 1 : 0;
  to.ephemeral = from.ephemeral ? 1 : 0;
  to.halt_signal = from.halt_signal;
  to.reboot_signal = from.reboot_signal;
  to.stop_signal = from.stop_signal;
  to.clone_flags = from.clone_flags;
  to.tty_max = from.tty_max;
  to.syslog_facility = from.syslog_facility;
  to.freezer_is_v2 = from.freezer_is_v2 ? 1 : 0;
  return to;
}

}  // namespace

std::string encode(const Plan& plan) {
  const std::size_t step_offset =
      (sizeof(child::BlobHeader) + alignof(child::Step) - 1) / alignof(child::Step) * alignof(child::Step);
  Writer writer(step_offset + plan.steps.size() * sizeof(child::Step));
  std::vector<child::Step> steps;
  steps.reserve(plan.steps.size());
  for (const PlannedStep& planned : plan.steps) steps.push_back(encode_step(planned, writer));
  child::BlobHeader header;
  header.settings = encode_settings(plan.settings, writer);
  std::string blob = std::move(writer).take();
  header.size = static_cast<std::uint32_t>(blob.size());
  header.step_offset = static_cast<std::uint32_t>(step_offset);
  header.step_count = static_cast<std::uint32_t>(steps.size());
  std::memcpy(blob.data(), &header, sizeof header);
  if (!steps.empty()) std::memcpy(blob.data() + step_offset, steps.data(), steps.size() * sizeof(child::Step));
  return blob;
}

}  // namespace berth::plan
