// Runs in: host commands and library callers.
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.hpp"
#include "os/namespaces.hpp"
#include "os/netlink.hpp"
#include "runtime/attach_target.hpp"
#include "runtime/inspect.hpp"
#include "runtime/live.hpp"

namespace berth::runtime {
namespace {

using os::Link;

// One of the two network namespaces between which an interface moves.
struct Side {
  std::string_view words;  // "the host"
  Fd network;
  os::Netlink socket;
  std::vector<Link> links;

  [[nodiscard]] const Link* find(std::string_view name) const {
    const auto found = std::ranges::find(links, name, &Link::name);
    return found == links.end() ? nullptr : &*found;
  }
};

Result<Side> side_of(std::string_view words, Fd network, Result<os::Netlink> socket) {
  if (!socket) return fail(std::move(socket.error()));
  auto links = socket->links();
  if (!links) return fail(std::move(links.error()));
  return Side{words, std::move(network), std::move(*socket), std::move(*links)};
}

Result<Side> host_side() { return side_of("the host", TRY(own_network()), os::Netlink::open()); }

Result<Side> container_side(const RunningInit& init) {
  const NetworkVisitor visitor = TRY(NetworkVisitor::create());
  Fd network = TRY(os::open_namespace(init.process.pid(), *os::find_namespace(CLONE_NEWNET)));
  Side side = TRY(side_of("the container", std::move(network), visitor.socket_in(init.process.pid())));
  TRY_CONTEXT(init.process.signal(0), "the container stopped meanwhile");
  return side;
}

Error no_interface(const Side& from, const Side& to, const std::string& name) {
  Error error = Error::message(strings::cat(from.words, " has no interface ", name), ENODEV);
  if (to.find(name) != nullptr) return std::move(error).because(strings::cat(to.words, " has one of that name"));
  std::vector<std::string> names;
  for (const Link& link : from.links) {
    if (!link.loopback) names.push_back(strings::printable(link.name));  // chosen by the container, maybe
  }
  if (names.empty()) return std::move(error).because(strings::cat(from.words, " has none but the loopback"));
  return std::move(error).because(strings::cat("there are ", strings::join(names, " ")));
}

Status check_names(const Side& from, const Side& to, const std::string& name, const std::string& wanted) {
  const Link* link = from.find(name);
  if (link == nullptr) return fail(no_interface(from, to, name));
  if (link->loopback) return fail(Error::message("a loopback interface stays where it is", EINVAL));
  if (!os::is_interface_name(wanted)) {
    return fail(Error::message(strings::cat("'", wanted, "' can't be the name of an interface"))
                    .hint("1 to 15 characters without blanks, '/' and ':'"));
  }
  if (to.find(wanted) == nullptr) return {};
  return fail(Error::message(strings::cat(to.words, " has an interface ", wanted, " already"), EEXIST)
                  .hint("name another one as the last argument"));
}

// A refused move can have gone half the way: there under its old name. Back, and up again if it was.
void take_back(Side& from, Side& to, const Link& link) {
  if (auto links = to.socket.links()) to.links = std::move(*links);
  const Link* strayed = to.find(link.name);
  if (strayed != nullptr) [[maybe_unused]]
    const Status back = to.socket.move(strayed->index, from.network.get(), link.name);
  if (!link.up) return;
  [[maybe_unused]] const Status up = from.socket.raise(link.name);
}

Status move_interface(Side& from, Side& to, const std::string& name, const std::string& wanted) {
  TRY(check_names(from, to, name, wanted));
  const Link link = *from.find(name);
  if (link.up) TRY(from.socket.lower(link.index));
  Status moved = from.socket.move(link.index, to.network.get(), wanted);
  if (moved) return {};
  take_back(from, to, link);
  Error error = std::move(moved.error());
  if (error.code() == EINVAL)
    error =
        std::move(error).because("the kernel keeps this interface in its namespace, as it does with bridges, tunnels and radios");
  if (error.code() == EPERM) error = std::move(error).hint("moving interfaces takes CAP_NET_ADMIN on both sides");
  return fail(std::move(error));
}

Result<RunningInit> find_separate(const Container& container) {
  RunningInit init = TRY(find_running(container));
  if ((init.namespaces & CLONE_NEWNET) != 0) return init;
  return fail(Error::message("the container shares the host's network").because("its interfaces are the host's own"));
}

Status attach(const Container& container, const std::string& interface, const std::string& inside) {
  const RunningInit init = TRY(find_separate(container));
  Side host = TRY(host_side());
  Side guest = TRY(container_side(init));
  return move_interface(host, guest, interface, inside.empty() ? interface : inside);
}

Status detach(const Container& container, const std::string& inside, const std::string& outside) {
  const RunningInit init = TRY(find_separate(container));
  Side host = TRY(host_side());
  Side guest = TRY(container_side(init));
  return move_interface(guest, host, inside, outside.empty() ? inside : outside);
}

Result<std::vector<Link>> links_of(const Container& container) {
  const RunningInit init = TRY(find_running(container));
  const NetworkVisitor visitor = TRY(NetworkVisitor::create());
  auto links = TRY(visitor.links_of(init.process.pid()));
  TRY_CONTEXT(init.process.signal(0), "the container stopped meanwhile");
  return links;
}

Result<int> family_of(const std::string& name) {
  if (name.empty()) return AF_UNSPEC;
  if (name == "inet") return AF_INET;
  if (name == "inet6") return AF_INET6;
  return fail(Error::message(strings::cat("'", name, "' is no family of addresses")).hint("inet and inet6 are"));
}

// What sockets call sin6_scope_id: the interface, for an address that means something on its link only.
int scope_of(const Link& link, const os::LinkAddress& address) {
  constexpr unsigned kLinkScope = 253;  // RT_SCOPE_LINK
  return address.family == AF_INET6 && address.scope == kLinkScope ? link.index : 0;
}

}  // namespace

Status attach_interface(const Container& container, const std::string& interface, const std::string& inside) {
  return with_context(attach(container, interface, inside), strings::cat("cannot move ", interface, " into the container"));
}

Status detach_interface(const Container& container, const std::string& inside, const std::string& outside) {
  return with_context(detach(container, inside, outside), strings::cat("cannot move ", inside, " out of the container"));
}

Result<std::vector<std::string>> list_interfaces(const Container& container) {
  std::vector<std::string> names;
  for (Link& link : TRY_CONTEXT(links_of(container), "cannot list the container's interfaces"))
    names.push_back(std::move(link.name));
  return names;
}

Result<std::vector<std::string>> list_addresses(const Container& container, const std::string& interface,
                                                const std::string& family, int scope) {
  const int wanted = TRY(family_of(family));
  std::vector<std::string> texts;
  for (const Link& link : TRY_CONTEXT(links_of(container), "cannot list the container's addresses")) {
    if (interface.empty() ? link.loopback : link.name != interface) continue;
    for (const os::LinkAddress& address : link.addresses) {
      if (wanted != AF_UNSPEC && address.family != wanted) continue;
      if (address.family == AF_INET || scope_of(link, address) == scope) texts.push_back(address.text);
    }
  }
  return texts;
}

}  // namespace berth::runtime
