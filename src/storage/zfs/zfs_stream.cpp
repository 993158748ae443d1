// Runs in: host commands.
#include "storage/zfs/zfs_stream.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <vector>

#include "base/strings.hpp"
#include "storage/zfs/zfs_destroy.hpp"
#include "storage/zfs/zfs_output.hpp"
#include "storage/zfs/zfs_tool.hpp"

namespace berth::storage::zfs {
namespace {

constexpr std::string_view kSent = "@berth-sent-", kSending = "@berth-sending-";

// Their names sort by time: nanoseconds since 1970 have 19 digits until 2286.
std::string time_of_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return strings::cat(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

// The oldest first.
Result<std::vector<std::string>> states(const std::string& dataset, std::string_view kind) {
  std::vector<std::string> names = TRY(snapshots_of(dataset));
  std::erase_if(names, [&](const std::string& name) { return !name.starts_with(strings::cat(dataset, kind)); });
  std::ranges::sort(names);
  return names;
}

Result<std::vector<std::string>> sent_states(const std::string& dataset) { return states(dataset, kSent); }

// Those that begin_send() made become those that are shared.
Status settle(const std::string& dataset) {
  for (const std::string& name : TRY(states(dataset, kSending))) {
    const std::string settled = strings::cat(dataset, kSent, name.substr(dataset.size() + kSending.size()));
    TRY(run({"rename", name, settled}, "rename the snapshot " + name));
  }
  return {};
}

// All but the last `kept`.
Status forget_old_states(const std::string& dataset, std::size_t kept) {
  const auto names = TRY(sent_states(dataset));
  for (std::size_t i = 0; i + kept < names.size(); ++i) TRY(destroy_unless_needed(names[i]));
  return {};
}

Status drop_begun(const std::string& dataset) {
  for (const std::string& name : TRY(states(dataset, kSending))) TRY(destroy_unless_needed(name));
  return {};
}

Error no_common_state(const std::string& dataset, const std::string& base) {
  return Error::message(strings::cat("cannot tell what has changed in ", dataset, " since ", base), ENOENT)
      .because(strings::cat("no state of ", base, " that was sent or received belongs to it"))
      .hint("send it whole once");
}

Result<std::string> common_state(const std::string& dataset, const std::string& base) {
  const auto names = TRY(sent_states(base));
  if (names.empty()) return fail(no_common_state(dataset, base));
  if (base == dataset) return names.back();
  const std::string origin = TRY(properties(dataset, {"origin"})).front();
  if (std::ranges::find(names, origin) == names.end()) return fail(no_common_state(dataset, base));
  return origin;
}

Status send_state(const std::string& state, const std::string& since, int output) {
  std::vector<std::string> words{"send"};
  if (!since.empty()) words.insert(words.end(), {"-i", since});
  words.push_back(state);
  return run_stream(words, -1, output, "send " + state);
}

Status refuse_cancelled(const Progress& progress) {
  return progress.cancelled() ? fail("it was cancelled", ECANCELED) : Status();
}

// A clone of the base's state, which takes that state over (and is so the one that the difference applies to).
Status begin_from(const std::string& base, const std::string& dataset, const std::string& mount_point) {
  const auto names = TRY(sent_states(base));
  if (names.empty()) return fail(no_common_state(dataset, base));
  TRY(clone(names.back(), dataset, mount_point));
  TRY(run({"promote", dataset}, strings::cat("give ", names.back(), " to ", dataset)));
  return forget_old_states(dataset, 1);
}

Status receive_into(const std::string& dataset, const std::string& base, const std::string& mount_point, int input) {
  if (!base.empty()) TRY(begin_from(base, dataset, mount_point));
  TRY(run_stream({"receive", "-u", dataset}, input, -1, "receive " + dataset));
  TRY(settle(dataset));
  if (!base.empty()) return {};
  TRY(set(dataset, "canmount", "noauto"));
  return set(dataset, "mountpoint", mount_point);
}

}  // namespace

Result<std::string> begin_send(const std::string& dataset) {
  TRY(drop_begun(dataset));
  const std::string time = time_of_now();
  const std::string state = strings::cat(dataset, kSending, time);
  TRY(run({"snapshot", state}, "take the snapshot " + state));
  return time;
}

Status end_send(const std::string& dataset, bool shared) {
  if (!shared) return drop_begun(dataset);
  TRY(settle(dataset));
  return forget_old_states(dataset, 1);
}

Status send(const std::string& dataset, const std::string& base, int output, Progress& progress) {
  progress.begin("sending the root file system", 0);
  const std::string since = base.empty() ? "" : TRY(common_state(dataset, base));
  const auto begun = TRY(states(dataset, kSending));
  if (begun.empty()) return fail(Error::message("nothing was kept that could be sent", ENOENT).because(dataset));
  TRY(refuse_cancelled(progress));
  return send_state(begun.back(), since, output);
}

Result<std::string> shared_state(const std::string& dataset) {
  const auto names = TRY(sent_states(dataset));
  return names.empty() ? std::string() : names.back().substr(dataset.size() + kSent.size());
}

Status forget_sent(const std::string& dataset) {
  TRY(drop_begun(dataset));
  return forget_old_states(dataset, 0);
}

Status receive(const std::string& dataset, const std::string& base, const std::string& mount_point, int input,
               Progress& progress) {
  progress.begin("receiving the root file system", 0);
  TRY(refuse_cancelled(progress));
  Status received = receive_into(dataset, base, mount_point, input);
  if (received) return received;
  if (auto undone = destroy(dataset); !undone)
    return fail(std::move(received.error()).hint(strings::cat("remove what is left by hand: ", undone.error().line())));
  return received;
}

}  // namespace berth::storage::zfs
