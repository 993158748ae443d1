// Runs in: host commands and library callers.
#include "runtime/interface_move.hpp"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.hpp"

namespace berth::runtime {
namespace {

using os::Link;

bool answers_to(const Link& link, std::string_view name) {
  return link.name == name || std::ranges::find(link.other_names, name) != link.other_names.end();
}

Error no_interface(const NetworkSide& from, const NetworkSide& to, const std::string& name) {
  Error error = Error::message(strings::cat(from.words, " has no interface ", strings::printable(name)), ENODEV);
  if (to.find(name) != nullptr) return std::move(error).because(strings::cat(to.words, " has one of that name"));
  std::vector<std::string> names;
  for (const Link& link : from.links) {
    if (!link.loopback) names.push_back(strings::printable(link.name));  // chosen by the container, maybe
  }
  if (names.empty()) return std::move(error).because(strings::cat(from.words, " has none but the loopback"));
  return std::move(error).because(strings::cat("there are ", strings::join(names, " ")));
}

Status check_name(const NetworkSide& to, const Link& link, const std::string& wanted) {
  if (link.loopback) return fail(Error::message("a loopback interface stays where it is", EINVAL));
  const std::string shown = strings::printable(wanted), own = strings::printable(link.name);  // chosen by the container, maybe
  if (!os::is_interface_name(wanted)) {
    return fail(Error::message(strings::cat("'", shown, "' can't be the name of an interface"))
                    .hint("1 to 15 characters without blanks, '/' and ':'"));
  }
  if (std::ranges::find(link.other_names, wanted) != link.other_names.end()) {
    return fail(Error::message(strings::cat(shown, " is another name of the interface already"), EEXIST)
                    .hint(strings::cat("ip link property del dev ", own, " altname ", shown)));
  }
  if (to.find(wanted) != nullptr) {
    return fail(Error::message(strings::cat(to.words, " has an interface ", shown, " already"), EEXIST)
                    .hint("name another one as the last argument"));
  }
  for (const std::string& other : link.other_names) {
    if (to.find(other) == nullptr) continue;
    return fail(Error::message(strings::cat(to.words, " has an interface ", strings::printable(other), " already"), EEXIST)
                    .because("that is another name of this interface, and goes with it")
                    .hint(strings::cat("ip link property del dev ", own, " altname ", strings::printable(other))));
  }
  return {};
}

Status refresh(NetworkSide& side) {
  side.links = TRY(side.socket.links());
  return {};
}

// The kernel kept none of its addresses; those that it makes itself come back by themselves.
void restore_addresses(NetworkSide& side, const Link& link) {
  for (const os::LinkAddress& address : link.addresses) {
    if (address.family == AF_INET6 && address.scope == RT_SCOPE_LINK) continue;
    [[maybe_unused]] const Status added = side.socket.add_address(link.index, address);
  }
}

// After a move that went half the way: the interface is on the other side, under its old name. What fails here is what the
// failure that led here is told for.
void take_back(NetworkSide& from, NetworkSide& to, const Link& link) {
  if (!refresh(to)) return;
  const Link* strayed = to.find(link.name);
  if (strayed == nullptr || !to.socket.move(strayed->index, from.network.get(), link.name)) return;
  if (!refresh(from)) return;
  const Link* back = from.find(link.name);
  if (back == nullptr) return;
  Link as_it_was = link;
  as_it_was.index = back->index;
  if (link.up) [[maybe_unused]]
    const Status up = from.socket.raise(back->index);
  restore_addresses(from, as_it_was);
}

// Kernels before 6.6 forget the other names.
Status keep_other_names(NetworkSide& to, const Link& link, const std::string& name) {
  if (link.other_names.empty()) return {};
  TRY(refresh(to));
  const Link* moved = to.find(name);
  if (moved == nullptr) return {};
  for (const std::string& other : link.other_names) {
    if (!answers_to(*moved, other)) TRY(to.socket.add_other_name(moved->index, other));
  }
  return {};
}

Error explain(Error error) {
  if (error.code() == EINVAL) {
    error = std::move(error).because("the kernel keeps this interface in its namespace, as it does with bridges and tunnels");
  }
  if (error.code() == EPERM) error = std::move(error).hint("moving interfaces takes CAP_NET_ADMIN on both sides");
  return error;
}

// After its radio has moved, the interface has its name there, or a new one if that was taken.
const Link* find_arrived(const std::vector<Link>& before, const NetworkSide& to, const std::string& name) {
  if (const Link* link = to.find(name)) return link;
  const auto fresh = std::ranges::find_if(
      to.links, [&](const Link& link) { return std::ranges::find(before, link.name, &Link::name) == before.end(); });
  return fresh == to.links.end() ? nullptr : &*fresh;
}

Status move_radio(NetworkSide& from, NetworkSide& to, const Link& link, const std::string& wanted, unsigned radio,
                  const Radios& radios) {
  const std::vector<Link> before = to.links;
  TRY(radios.move(from.network.get(), radio, to.process));
  TRY(refresh(to));
  const Link* arrived = find_arrived(before, to, link.name);
  if (arrived == nullptr) return fail(Error::message("its radio has moved, and the interface is not there", ENODEV));
  if (arrived->name == wanted) return {};
  Status renamed = to.socket.rename(arrived->index, wanted);
  if (renamed) return {};
  if (radios.move(to.network.get(), radio, from.process) && link.up) {
    [[maybe_unused]] const Status up = from.socket.raise(link.name);
  }
  return renamed;
}

Status carry(NetworkSide& from, NetworkSide& to, const Link& link, const std::string& wanted, const Radios& radios) {
  // The kernel takes it down on the way. One that it will not move at all stays up.
  Status moved = from.socket.move(link.index, to.network.get(), wanted);
  if (moved) return {};
  // Only a device of the machine can be a radio.
  if (moved.error().code() == EINVAL && link.kind.empty()) {
    const auto radio = radios.radio_of(from.network.get(), link.name);
    if (!radio) return fail(Error(radio.error()).context("the kernel keeps this interface with its radio, if it is wireless"));
    if (*radio) return move_radio(from, to, link, wanted, **radio, radios);
  }
  take_back(from, to, link);
  return fail(explain(std::move(moved.error())));
}

}  // namespace

const Link* NetworkSide::find(std::string_view name) const {
  const auto found = std::ranges::find_if(links, [&](const Link& link) { return answers_to(link, name); });
  return found == links.end() ? nullptr : &*found;
}

Result<Link> find_interface(const NetworkSide& from, const NetworkSide& to, const std::string& name) {
  const Link* link = from.find(name);
  if (link == nullptr) return fail(no_interface(from, to, name));
  return *link;
}

Status move_interface(NetworkSide& from, NetworkSide& to, const InterfaceMove& move, const Radios& radios) {
  const Link link = TRY(find_interface(from, to, move.interface));
  const std::string wanted = move.wanted.empty() ? link.name : move.wanted;
  TRY(check_name(to, link, wanted));
  // The note goes first: on this side it can be taken back.
  const bool other_note = link.alias != move.alias;
  if (other_note) TRY(from.socket.set_alias(link.index, move.alias));
  Status moved = carry(from, to, link, wanted, radios);
  if (moved) return keep_other_names(to, link, wanted);
  if (other_note && from.find(link.name) != nullptr) {
    [[maybe_unused]] const Status restored = from.socket.set_alias(from.find(link.name)->index, link.alias);
  }
  return moved;
}

}  // namespace berth::runtime
