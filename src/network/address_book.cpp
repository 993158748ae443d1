// Runs in: the starting command; the commands that destroy and rename.
#include "network/address_book.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/ip_address.hpp"
#include "base/strings.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"

namespace berth::network {
namespace {

constexpr std::string_view kFirstLine = "# addresses that berth gave to containers; written by berth\n";
constexpr std::string_view kLockName = ".lock";
constexpr mode_t kDirectoryMode = 0755;

bool is_canonical_address(std::string_view text) {
  const auto version6 = ip::parse_version6(text);
  return version6 ? ip::format_version6(*version6) == text : ip::parse_version4(text).has_value();
}

std::optional<BookEntry> parse_entry(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const std::string_view address = line.substr(0, first), container = line.substr(second + 1);
  const auto index = strings::parse_number<unsigned>(line.substr(first + 1, second - first - 1));
  if (!is_canonical_address(address) || !index || !container.starts_with('/')) return std::nullopt;
  return BookEntry{std::string(address), *index, std::string(container)};
}

Error damaged(std::string_view name, std::size_t line, std::string_view text) {
  return Error::message(
             strings::cat(name, ": line ", line, " is no entry of an address book: \"", strings::printable(text), "\""))
      .hint(strings::cat("repair the line, or remove ", name, ": containers that are started then get new addresses"));
}

Result<std::vector<BookEntry>> read_entries(const std::string& path) {
  const auto text = sys::read_file(path);
  if (text) return parse_address_book(*text, path);
  if (text.error().code() == ENOENT) return std::vector<BookEntry>{};
  return fail(text.error());
}

// A container without a configuration file can still run: one that was started with --rcfile.
bool is_gone(const std::string& container) { return !sys::exists(container + "/config") && !container_runs(container); }

bool same_version(const AddressPool& pool, const BookEntry& entry) {
  return (pool.family == AF_INET6) == (entry.address.find(':') != std::string::npos);
}

Error network_full(const AddressPool& pool, const std::string& bridge, const std::string& path) {
  return Error::message(strings::cat("no address of ", pool.text(), " on ", bridge, " is free"), EADDRNOTAVAIL)
      .because(strings::cat("containers, DHCP leases and other machines have them all (", path, ")"))
      .hint(strings::cat("destroy containers that are not needed, or give ", bridge, " a larger network"));
}

// By way of a name that no book can have: what a process that was killed here leaves is not taken for one, and goes with the
// next.
Status write(const std::string& path, const std::string& text) {
  constexpr std::string_view kNew = ".new";
  const std::string directory = path.substr(0, path.rfind('/')), beside = strings::cat(directory, '/', kNew);
  for (const auto& file : TRY(sys::list_directory(directory))) {
    if (file.name.starts_with(kNew)) TRY(sys::unlink(strings::cat(directory, '/', file.name)));
  }
  TRY(sys::replace_file(beside, text));
  return sys::rename(beside, path);
}

template <typename Change>
Status change_all(const Change& change) {
  const std::string directory = TRY(address_book_directory());
  const auto files = sys::list_directory(directory);
  if (!files && files.error().code() == ENOENT) return {};
  if (!files) return fail(files.error());
  for (const auto& file : *files) {
    if (file.name.starts_with('.')) continue;
    AddressBook book = TRY(AddressBook::open(directory, file.name));
    if (change(book)) TRY(book.save());
  }
  return {};
}

}  // namespace

Result<std::vector<BookEntry>> parse_address_book(std::string_view text, std::string_view name) {
  std::vector<BookEntry> entries;
  AddressSet addresses;
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.starts_with('#')) continue;
    auto entry = parse_entry(line);
    if (!entry || !addresses.insert(entry->address).second) return fail(damaged(name, number, line));
    entries.push_back(std::move(*entry));
  }
  return entries;
}

std::string format_address_book(const std::vector<BookEntry>& entries) {
  std::string text{kFirstLine};
  for (const BookEntry& entry : entries) text += strings::cat(entry.address, ' ', entry.index, ' ', entry.container, '\n');
  return text;
}

Result<std::string> address_book_directory() {
  if (sys::effective_uid() == 0) return "/var/lib/berth/addresses";
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  if (const std::string data = variable("XDG_DATA_HOME"); data.starts_with('/')) return data + "/berth/addresses";
  if (const std::string home = variable("HOME"); home.starts_with('/')) return home + "/.local/share/berth/addresses";
  return fail(Error::message("no directory for the addresses of containers: neither XDG_DATA_HOME nor HOME is set", ENOENT)
                  .hint("set HOME to your home directory"));
}

Result<AddressBook> AddressBook::open(const std::string& directory, const std::string& bridge) {
  TRY(sys::ensure_directory(directory, kDirectoryMode));
  auto lock = TRY(os::FileLock::acquire(strings::cat(directory, '/', kLockName)));
  const std::string path = strings::cat(directory, '/', bridge);
  return AddressBook(path, TRY(read_entries(path)), std::move(lock));
}

Result<AddressBook> AddressBook::read(const std::string& directory, const std::string& bridge) {
  const std::string path = strings::cat(directory, '/', bridge);
  return AddressBook(path, TRY(read_entries(path)), std::nullopt);
}

Result<std::string> AddressBook::assign(const AddressPool& pool, const std::string& container, unsigned index,
                                        const AddressUse& use) {
  if (container.find('\n') != std::string::npos)
    return fail("a container whose path holds a line end can't have an automatic address");
  const auto own = [&](const BookEntry& entry) {
    return entry.container == container && entry.index == index && same_version(pool, entry);
  };
  const auto known = std::ranges::find_if(entries_, own);
  if (known != entries_.end() && pool.offers(known->address) && !use.leased.contains(known->address)) return known->address;
  if (known != entries_.end()) entries_.erase(known);
  AddressSet taken = use.leased;
  taken.insert(use.met.begin(), use.met.end());
  AddressSet all = taken;
  for (const BookEntry& entry : entries_) all.insert(entry.address);
  const std::string seed = strings::cat(index, ' ', container);
  auto address = choose_address(pool, seed, all);
  if (!address) address = reuse(pool, seed, std::move(taken));
  if (!address) return fail(network_full(pool, bridge_, path_));
  entries_.push_back({*address, index, container});
  changed_ = true;
  return *address;
}

std::optional<std::string> AddressBook::reuse(const AddressPool& pool, std::string_view seed, AddressSet taken) {
  const std::size_t before = entries_.size();
  std::erase_if(entries_, [](const BookEntry& entry) { return is_gone(entry.container); });
  if (entries_.size() == before) return std::nullopt;
  changed_ = true;
  for (const BookEntry& entry : entries_) taken.insert(entry.address);
  return choose_address(pool, seed, taken);
}

bool AddressBook::forget(const std::string& container) {
  const bool had = std::erase_if(entries_, [&](const BookEntry& entry) { return entry.container == container; }) != 0;
  changed_ = changed_ || had;
  return had;
}

bool AddressBook::rename(const std::string& container, const std::string& new_container) {
  bool had = false;
  for (BookEntry& entry : entries_) {
    if (entry.container != container) continue;
    entry.container = new_container;
    had = true;
  }
  changed_ = changed_ || had;
  return had;
}

Status AddressBook::save() {
  if (!changed_ || !lock_) return {};
  changed_ = false;
  if (!entries_.empty()) return write(path_, format_address_book(entries_));
  const Status removed = sys::unlink(path_);
  return removed || removed.error().code() == ENOENT ? Status{} : removed;
}

Status forget_addresses(const std::string& container) {
  return change_all([&](AddressBook& book) { return book.forget(container); });
}

Status rename_addresses(const std::string& container, const std::string& new_container) {
  return change_all([&](AddressBook& book) {
    book.forget(new_container);
    return book.rename(container, new_container);
  });
}

}  // namespace berth::network
