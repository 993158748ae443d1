// Datagrams of rtnetlink: whatever the bytes, what comes out was in them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "os/netlink.hpp"

namespace {

using berth::os::Link;

std::size_t size_of(const Link& link) {
  std::size_t size = link.name.size() + link.kind.size() + link.alias.size();
  for (const auto& name : link.other_names) size += name.size();
  return size;
}

void check(const std::vector<Link>& links, std::size_t most) {
  std::size_t total = 0;
  for (const Link& link : links) {
    total += size_of(link);
    if (link.name.find('\0') != link.name.npos || link.kind.find('\0') != link.kind.npos) std::abort();
    for (const auto& address : link.addresses) {
      if (address.text.empty() || address.text.size() > 39) std::abort();
    }
    for (const Link& other : links) {
      if (&other != &link && other.index == link.index) std::abort();
    }
  }
  if (total > most) std::abort();
}

}  // namespace

// The sequence number is 1, as in the seeds.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  std::vector<Link> links;
  const auto reply = berth::os::parse_netlink(std::as_bytes(std::span(bytes, size)), 1, &links);
  if (reply.error != 0 && !reply.finished) std::abort();
  check(links, size);
  // Refusals with the kernel's words, and interfaces in full.
  const auto walked = berth::os::walk_netlink(std::as_bytes(std::span(bytes, size)), 1, [size](std::uint16_t, auto payload) {
    const berth::os::LinkDetails details = berth::os::parse_link_details(payload);
    if (size_of(details) + details.hardware_address.size() > size) std::abort();
    if (details.kind.find('\0') != details.kind.npos) std::abort();
  });
  if (walked.error != reply.error || walked.finished != reply.finished || walked.reason.size() > size) std::abort();
  return 0;
}
