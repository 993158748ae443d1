// Which container has which address of a bridge: what `ipv4.address = auto` has picked, kept over stops and reboots.
//
// One text file a bridge, DIRECTORY/BRIDGE. After the first line, which tells what the file is, each line is one address:
//     10.0.3.17 0 /var/lib/lxc/web1
// the address, N of lxc.net.N, LXCPATH/NAME. Root's directory is /var/lib/berth/addresses, that of other users
// XDG_DATA_HOME/berth/addresses, or ~/.local/share/berth/addresses: who may make interfaces for a bridge is one user, as with the
// run directory (os/rundir.hpp). A file is replaced as a whole, under the lock of the directory.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "network/address_pool.hpp"
#include "network/address_use.hpp"
#include "os/lock.hpp"

namespace berth::network {

struct BookEntry {
  std::string address;
  unsigned index = 0;     // of lxc.net.N
  std::string container;  // LXCPATH/NAME

  bool operator==(const BookEntry&) const = default;
};

// Strict: a file that somebody has damaged is an Error that names the line, never half a book.
Result<std::vector<BookEntry>> parse_address_book(std::string_view text, std::string_view name);
std::string format_address_book(const std::vector<BookEntry>& entries);

// This user's directory. Changes nothing.
Result<std::string> address_book_directory();

class AddressBook {
 public:
  // For changes: waits for the lock, makes the directory.
  static Result<AddressBook> open(const std::string& directory, const std::string& bridge);
  // To look at, without a lock; an absent file is an empty book.
  static Result<AddressBook> read(const std::string& directory, const std::string& bridge);

  // The address of that container's network, of the version of the pool: the one it has, as long as the pool offers it and it is
  // leased to nobody, else a free one. `use`: by those who are not in the book. Entries of containers that are no more are used
  // again when nothing else is left. Error: the network is full. Remembered in memory until save().
  Result<std::string> assign(const AddressPool& pool, const std::string& container, unsigned index, const AddressUse& use);
  // False: it had none.
  bool forget(const std::string& container);
  bool rename(const std::string& container, const std::string& new_container);
  // Writes what has changed; a book without entries has no file. One that was opened to look at stays as it is.
  Status save();

  [[nodiscard]] const std::vector<BookEntry>& entries() const { return entries_; }

 private:
  AddressBook(std::string path, std::vector<BookEntry> entries, std::optional<os::FileLock> lock)
      : path_(std::move(path)),
        bridge_(path_.substr(path_.rfind('/') + 1)),
        entries_(std::move(entries)),
        lock_(std::move(lock)) {}
  std::optional<std::string> reuse(const AddressPool& pool, std::string_view seed, AddressSet taken);

  std::string path_, bridge_;
  std::vector<BookEntry> entries_;
  bool changed_ = false;
  std::optional<os::FileLock> lock_;
};

// For all bridges. Nothing to do where there is no book.
Status forget_addresses(const std::string& container);
Status rename_addresses(const std::string& container, const std::string& new_container);

}  // namespace berth::network
