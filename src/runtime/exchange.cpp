// Runs in: the commands that restore a snapshot in place, or find one half restored.
#include "runtime/exchange.hpp"

#include <algorithm>
#include <ranges>
#include <string_view>

#include "base/strings.hpp"
#include "runtime/believed_file.hpp"
#include "storage/backing_store.hpp"
#include "sys/file.hpp"

namespace berth::runtime {
namespace {

constexpr std::string_view kHead = "berth exchange 1";
constexpr std::size_t kFields = 4;
constexpr std::string_view kWayOut =
    "end the restore as that user (lxc-snapshot, berth doctor); or look at what it would move, then give it to yourself";

Error damaged(const std::string& file) {
  return Error::message("what a killed restore left can't be understood", EINVAL)
      .because(file + " is damaged")
      .hint("look into the directory beside it: it has what the container had, or was to get");
}

// Files, or the roots of a store: what both can do.
class Things {
 public:
  explicit Things(const storage::BackingStore* store) : store_(store) {}

  [[nodiscard]] Result<bool> has(const std::string& path) const {
    if (store_ != nullptr) return store_->exists(path);
    const auto info = sys::stat_link(path);
    if (!info && info.error().code() != ENOENT && info.error().code() != ENOTDIR) return fail(info.error());
    return info.has_value();
  }

  [[nodiscard]] Status move(const std::string& from, const std::string& to) const {
    return store_ != nullptr ? store_->rename(from, to) : sys::rename(from, to);
  }

 private:
  const storage::BackingStore* store_;
};

Result<Things> things_of(const std::string& type) { return Things(type.empty() ? nullptr : TRY(storage::find_store(type))); }

}  // namespace

bool Exchange::moves_roots() const {
  return std::ranges::any_of(steps_, [](const Step& step) { return !step.type.empty(); });
}

Status Exchange::write(const std::string& file) const {
  std::string text(kHead);
  text += '\0';
  for (const Step& step : steps_)
    for (const std::string* field : {&step.type, &step.from, &step.to, &step.aside}) text += *field, text += '\0';
  return sys::replace_file(file, text);
}

Result<Exchange> Exchange::read(const std::string& file) {
  const Fd plan = TRY(open_believed(file, kWayOut));
  const std::string text = TRY(sys::read_all(plan.get(), file));
  const auto fields = strings::split(text, '\0');
  if (fields.size() % kFields != 2 || fields.front() != kHead || !fields.back().empty()) return fail(damaged(file));
  Exchange exchange;
  for (std::size_t i = 1; i + kFields < fields.size(); i += kFields)
    exchange.add_root(std::string(fields[i]), std::string(fields[i + 1]), std::string(fields[i + 2]), std::string(fields[i + 3]));
  return exchange;
}

Status Exchange::run() const {
  for (const auto& [type, from, to, aside] : steps_) {
    const Things things = TRY(things_of(type));
    if (!TRY(things.has(from))) continue;
    if (TRY(things.has(to))) TRY(things.move(to, aside));
    TRY(things.move(from, to));
  }
  return {};
}

Status Exchange::take_back() const {
  for (const auto& [type, from, to, aside] : std::views::reverse(steps_)) {
    const Things things = TRY(things_of(type));
    const bool has_old = TRY(things.has(aside));
    if (!TRY(things.has(from)) && TRY(things.has(to))) TRY(things.move(to, from));
    if (has_old) TRY(things.move(aside, to));
  }
  return {};
}

}  // namespace berth::runtime
