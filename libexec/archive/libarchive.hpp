// libarchive's objects with owners, and its failures as Errors.
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <cerrno>
#include <memory>
#include <string_view>

#include "base/result.hpp"

namespace berth::archive {

struct FreeArchive {
  void operator()(struct ::archive* a) const { ::archive_free(a); }
};
struct FreeEntry {
  void operator()(struct ::archive_entry* e) const { ::archive_entry_free(e); }
};
using Archive = std::unique_ptr<struct ::archive, FreeArchive>;
using Entry = std::unique_ptr<struct ::archive_entry, FreeEntry>;

inline Error error_of(struct ::archive* a, std::string_view what) {
  const int code = ::archive_errno(a);
  const char* why = ::archive_error_string(a);
  return Error::message(what, code > 0 ? code : EIO).because(why == nullptr ? "libarchive gives no reason" : why);
}

// Warnings are failures too: something of a file would be lost.
inline Status check(struct ::archive* a, la_ssize_t result, std::string_view what) {
  if (result >= ARCHIVE_OK) return {};
  return fail(error_of(a, what));
}

}  // namespace berth::archive
