// Runs in: every process.
#include <cstring>

#include "base/strings.hpp"
#include "sys/file.hpp"
#include "sys/outcome.hpp"

namespace berth::sys {
namespace {

// The fixed head of a getdents64(2) record; the name follows, ended by NUL.
struct RecordHead {
  std::uint64_t inode;
  std::int64_t offset;
  std::uint16_t length;
  unsigned char type;
} __attribute__((packed));

void append_entries(std::span<const char> block, std::vector<DirectoryEntry>& entries) {
  while (block.size() > sizeof(RecordHead)) {
    RecordHead head{};
    std::memcpy(&head, block.data(), sizeof head);
    if (head.length <= sizeof head || head.length > block.size()) return;
    const std::string_view name(block.data() + sizeof head, ::strnlen(block.data() + sizeof head, head.length - sizeof head));
    if (name != "." && name != "..") entries.push_back({std::string(name), head.type});
    block = block.subspan(head.length);
  }
}

}  // namespace

Result<std::vector<DirectoryEntry>> list_directory(const std::string& path) {
  const Fd dir = TRY(open(path, O_RDONLY | O_DIRECTORY));
  return list_directory_fd(dir.get(), path);
}

Result<std::vector<DirectoryEntry>> list_directory_fd(int dir, std::string_view name) {
  std::vector<DirectoryEntry> entries;
  std::vector<char> buffer(32768);
  for (;;) {
    const long count = detail::retry(SYS_getdents64, dir, buffer.data(), buffer.size());
    if (count < 0) return detail::refusal(count, "getdents64", name);
    if (count == 0) return entries;
    append_entries({buffer.data(), static_cast<std::size_t>(count)}, entries);
  }
}

}  // namespace berth::sys
