// Runs in: berth-network, started by the monitor; the command that destroys.
#include "network/names.hpp"

#include <signal.h>

#include <algorithm>
#include <cerrno>

#include "base/sha1.hpp"
#include "base/strings.hpp"
#include "network/address_book.hpp"
#include "os/pid_ref.hpp"
#include "os/rundir.hpp"
#include "sys/file.hpp"

namespace berth::network {
namespace {

constexpr std::size_t kHashLength = 12;
constexpr std::size_t kLongestLabel = 63;

std::string_view name_of(const Announcement& announcement) {
  return std::string_view(announcement.container).substr(announcement.container.rfind('/') + 1);
}

// RFC 1123, and '_', which many use.
bool is_host_name(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
  };
  if (text.empty() || text.front() == '-' || !std::ranges::all_of(text, allowed)) return false;
  return std::ranges::all_of(strings::split(text, '.'),
                             [](std::string_view label) { return !label.empty() && label.size() <= kLongestLabel; });
}

Result<std::string> directory_of(const std::string& bridge) {
  return strings::cat(TRY(os::run_directory()), "/lxc/net/", bridge);
}

// The file is complete when dnsmasq sees it: it is renamed from beside the directory.
Status put(const std::string& directory, const std::string& kind, const std::string& file, const std::string& text) {
  const std::string path = strings::cat(directory, '/', kind, '/', file);
  if (text.empty()) {
    const Status gone = sys::unlink(path);
    return gone || gone.error().code() == ENOENT ? Status{} : gone;
  }
  if (!sys::exists(strings::cat(directory, '/', kind))) return {};
  if (const auto now = sys::read_file(path); now && *now == text) return {};
  const std::string beside = strings::cat(directory, "/.", file, ".new");
  Status written = sys::replace_file(beside, text);
  if (written) written = sys::rename(beside, path);
  return written || written.error().code() == ENOENT ? Status{} : written;  // lxc-net stops at this moment
}

// The pid of a file may be somebody else's by now.
void reload(const std::string& directory) {
  const auto text = sys::read_file(directory + "/dnsmasq.pid");
  const auto pid = text ? strings::parse_number<pid_t>(strings::trim(*text)) : std::nullopt;
  if (!pid || *pid <= 1) return;
  const auto process = os::PidRef::open(*pid);
  const auto name = sys::read_file(strings::cat("/proc/", *pid, "/comm"));
  if (process && name && *name == "dnsmasq\n") static_cast<void>(process->signal(SIGHUP));
}

// lxc-net leaves the directories of containers that run to them when it stops; it is running as long as it has its state there.
void remove_abandoned(const std::string& directory) {
  if (sys::exists(directory + "/state")) return;
  for (const std::string_view below : {"/names", "/reservations", ""})
    static_cast<void>(sys::remove_directory(strings::cat(directory, below)));
}

Status forget_in(const std::string& directory, std::string_view hash) {
  bool reserved = false;
  for (const std::string kind : {"names", "reservations"}) {
    const auto files = sys::list_directory(strings::cat(directory, '/', kind));
    if (!files) continue;
    for (const auto& file : *files) {
      if (!file.name.ends_with(hash)) continue;
      TRY(put(directory, kind, file.name, ""));
      reserved = reserved || kind == "reservations";
    }
  }
  if (reserved) reload(directory);
  remove_abandoned(directory);
  return {};
}

template <typename Change>
Status on_all_bridges(const Change& change) {
  const std::string run = TRY(os::run_directory());
  const auto bridges = sys::list_directory(run + "/lxc/net");
  if (!bridges) return {};
  for (const auto& bridge : *bridges) TRY(change(strings::cat(run, "/lxc/net/", bridge.name), bridge.name));
  return {};
}

std::string hash_of(std::string_view container) { return "@" + sha1_hex(container).substr(0, kHashLength); }

}  // namespace

std::string names_text(const Announcement& announcement) {
  std::string text;
  const std::string_view name = name_of(announcement);
  if (!is_host_name(name)) return text;
  for (const std::string& address : announcement.addresses) text += strings::cat(address, ' ', name, '\n');
  return text;
}

std::string reservations_text(const Announcement& announcement) {
  const std::string id =
      strings::cat("id:berth-", announcement.index, "-", sha1_hex(announcement.container).substr(0, kHashLength));
  std::string text;
  for (const std::string& address : announcement.addresses) {
    if (address.find(':') == std::string::npos) text += strings::cat(id, ',', address, '\n');
  }
  return text;
}

std::string announcement_file(const Announcement& announcement) {
  std::string name;
  for (const char c : name_of(announcement)) name += c == '~' || c == '#' || c == '.' ? '_' : c;  // dnsmasq passes over some
  constexpr std::size_t kLongest = 100;
  return strings::cat(name.substr(0, kLongest), "-", announcement.index, hash_of(announcement.container));
}

Status announce(const Announcement& announcement) {
  const std::string directory = TRY(directory_of(announcement.bridge));
  if (!sys::exists(directory)) return {};
  const std::string file = announcement_file(announcement);
  TRY(put(directory, "reservations", file, reservations_text(announcement)));
  return put(directory, "names", file, names_text(announcement));
}

Status withdraw(const Announcement& announcement) {
  const std::string directory = TRY(directory_of(announcement.bridge));
  if (!sys::exists(directory)) return {};
  const std::string file = announcement_file(announcement);
  TRY(put(directory, "names", file, ""));
  const auto before = sys::read_file(strings::cat(directory, "/reservations/", file));
  const std::string kept = sys::exists(directory + "/state") ? reservations_text(announcement) : std::string();
  if (before && *before != kept) {
    TRY(put(directory, "reservations", file, kept));
    reload(directory);
  }
  remove_abandoned(directory);
  return {};
}

Status withdraw_everywhere(const std::string& container) {
  return on_all_bridges(
      [&](const std::string& directory, const std::string&) { return forget_in(directory, hash_of(container)); });
}

Status rename_reservations(const std::string& old_container) {
  return on_all_bridges([&](const std::string& directory, const std::string& bridge) -> Status {
    TRY(forget_in(directory, hash_of(old_container)));
    return sys::exists(directory + "/state") ? reserve_known_addresses(directory, bridge) : Status{};
  });
}

Status reserve_known_addresses(const std::string& directory, const std::string& bridge) {
  const auto books = address_book_directory();
  if (!books) return {};
  const AddressBook book = TRY(AddressBook::read(*books, bridge));
  for (const BookEntry& entry : book.entries()) {
    const Announcement announcement{bridge, entry.container, entry.index, {entry.address}};
    const std::string text = reservations_text(announcement), file = announcement_file(announcement);
    // A container that runs has its own there, with all that it uses.
    if (!text.empty() && !sys::exists(strings::cat(directory, "/reservations/", file)))
      TRY(put(directory, "reservations", file, text));
  }
  return {};
}

Status drop_stopped(const std::string& directory) {
  const auto files = sys::list_directory(directory + "/reservations");
  if (!files) return {};
  for (const auto& file : *files) {
    if (!sys::exists(strings::cat(directory, "/names/", file.name))) TRY(put(directory, "reservations", file.name, ""));
  }
  return {};
}

}  // namespace berth::network
