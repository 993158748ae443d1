// Runs in: berth-network, started by the monitor for what a network needs beside rtnetlink:
//   berth-network publish BRIDGE CONTAINER INDEX RUN PUBLICATION...   as long as the process that started it lives
//   berth-network unpublish BRIDGE CONTAINER INDEX [RUN]
//   berth-network announce BRIDGE CONTAINER INDEX ADDRESS...
//   berth-network withdraw BRIDGE CONTAINER INDEX [ADDRESS...]    whose reservations stay
// CONTAINER is LXCPATH/NAME. What went wrong goes to standard error, where the monitor reads it.
#include <fcntl.h>

#include <span>

#include "base/strings.hpp"
#include "freestanding/program.hpp"
#include "network/names.hpp"
#include "network/publish_live.hpp"
#include "sys/file.hpp"
#include "sys/raw.hpp"

namespace {

using namespace berth;

constexpr int kExitUsage = 2;

void complain(std::string_view text) { sys::raw::call(SYS_write, 2, text.data(), text.size()); }

struct Request {
  std::string_view verb;
  network::Publisher publisher;
  std::vector<std::string> words;
};

std::optional<Request> parse(std::span<char*> arguments) {
  if (arguments.size() < 5) return std::nullopt;
  const auto index = strings::parse_number<unsigned>(arguments[4]);
  if (!index || arguments[3][0] != '/') return std::nullopt;
  Request request{arguments[1], {arguments[2], arguments[3], *index}, {}};
  auto rest = arguments.subspan(5);
  if (request.verb.ends_with("publish") && !rest.empty()) {
    request.publisher.run = rest.front();
    rest = rest.subspan(1);
  }
  for (char* word : rest) request.words.emplace_back(word);
  return request;
}

Status publish(const Request& request) {
  std::vector<network::Publication> wanted;
  for (const std::string& word : request.words) {
    auto publication = network::parse_publication(word);
    if (!publication) return fail(strings::cat("not a publication: ", word));
    wanted.push_back(std::move(*publication));
  }
  const auto parent = static_cast<pid_t>(sys::raw::call(SYS_getppid));
  return network::publish(request.publisher, TRY(network::holder_of(parent)), wanted);
}

Status carry_out(const Request& request) {
  const network::Publisher& who = request.publisher;
  if (request.verb == "publish") return publish(request);
  if (request.verb == "unpublish") return network::unpublish(who);
  const network::Announcement announcement{who.bridge, who.container, who.index, request.words};
  if (request.verb == "announce") return network::announce(announcement);
  if (request.verb == "withdraw") return network::withdraw(announcement);
  return fail(strings::cat("unknown verb ", request.verb));
}

}  // namespace

int berth_program(int count, char** arguments, char**) {
  sys::fill_standard_descriptors(O_RDWR);
  const auto request = parse({arguments, static_cast<std::size_t>(count)});
  if (!request) {
    complain("berth-network: is started by berth-monitor\n");
    return kExitUsage;
  }
  const Status done = carry_out(*request);
  if (done) return 0;
  complain(
      done.error().render("berth-network", request->publisher.container.substr(request->publisher.container.rfind('/') + 1)));
  return 1;
}
