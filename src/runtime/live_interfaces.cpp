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
#include "runtime/interface_move.hpp"
#include "runtime/live.hpp"
#include "sys/process.hpp"

namespace berth::runtime {
namespace {

using os::Link;

Result<NetworkSide> side_of(std::string_view words, Fd network, pid_t process, Result<os::Netlink> socket) {
  if (!socket) return fail(std::move(socket.error()));
  auto links = socket->links();
  if (!links) return fail(std::move(links.error()));
  return NetworkSide{words, std::move(network), process, std::move(*socket), std::move(*links)};
}

Result<NetworkSide> host_side() { return side_of("the host", TRY(own_network()), sys::current_pid(), os::Netlink::open()); }

Result<NetworkSide> container_side(const RunningInit& init) {
  const NetworkVisitor visitor = TRY(NetworkVisitor::create());
  const pid_t pid = init.process.pid();
  Fd network = TRY(os::open_namespace(pid, *os::find_namespace(CLONE_NEWNET)));
  NetworkSide side = TRY(side_of("the container", std::move(network), pid, visitor.socket_in(pid)));
  TRY_CONTEXT(init.process.signal(0), "the container stopped meanwhile");
  return side;
}

// An interface that gets another name inside carries the one that it had in its alias, if nobody else has put a note there: for
// the way back, and for whoever finds it on the host after the container's end.
constexpr std::string_view kNote = "berth: on the host ";

std::string noted_name(const Link& link) {
  if (!link.alias.starts_with(kNote)) return {};
  std::string name = link.alias.substr(kNote.size());
  return os::is_interface_name(name) ? name : std::string();
}

Result<RunningInit> find_separate(const Container& container) {
  RunningInit init = TRY(find_running(container));
  if ((init.namespaces & CLONE_NEWNET) != 0) return init;
  return fail(Error::message("the container shares the host's network").because("its interfaces are the host's own"));
}

Status attach(const Container& container, const std::string& interface, const std::string& inside) {
  const RunningInit init = TRY(find_separate(container));
  NetworkSide host = TRY(host_side());
  NetworkSide guest = TRY(container_side(init));
  const Link link = TRY(find_interface(host, guest, interface));
  const bool renamed = !inside.empty() && inside != link.name;
  const std::string alias = renamed && link.alias.empty() ? strings::cat(kNote, link.name) : link.alias;
  return move_interface(host, guest, {interface, inside, alias});
}

Status detach(const Container& container, const std::string& inside, const std::string& outside) {
  const RunningInit init = TRY(find_separate(container));
  NetworkSide host = TRY(host_side());
  NetworkSide guest = TRY(container_side(init));
  const Link link = TRY(find_interface(guest, host, inside));
  const std::string noted = noted_name(link);
  return move_interface(guest, host, {inside, outside.empty() ? noted : outside, noted.empty() ? link.alias : std::string()});
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
