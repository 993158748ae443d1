// What has to be done for a container's networks, as data: acts in order, each with those that take it back. Made in the starting
// command without any effect; plan turns it into steps, which the monitor carries out while the container mounts its root.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "os/netlink_message.hpp"

namespace berth::network {

// The network namespace in which an act happens: the monitor's own, or that of the container's first process.
enum class Side : std::uint8_t { kHost, kContainer };

// A number in a request that is known only when it is sent.
struct Fixup {
  enum class Kind : std::uint8_t {
    kIndex,      // i32: index of `interface` in the namespace of the act
    kNamespace,  // u32: a descriptor of the namespace of `side`
  };
  Kind kind = Kind::kIndex;
  Side side = Side::kHost;
  std::uint32_t offset = 0;  // bytes from the start of the message
  std::string interface;
};

struct Act {
  enum class Kind : std::uint8_t {
    kRequest,             // one rtnetlink request
    kWriteFile,           // `value` into `path`, a file of /proc/sys/net of the host's namespace
    kProgram,             // runs `program` on the host, output caught
    kBringHome,           // `home` says which interface comes back to the host
    kNoTransmitChecksum,  // `object` inside no longer leaves checksums to hardware that isn't there
  };
  Kind kind = Kind::kRequest;
  Side side = Side::kHost;
  std::string doing;   // "creating the pair vethAb12Cd - eth0": verb in -ing form, lower case
  std::string object;  // the interface or file that it is about
  // What a request is about, for explanations of its refusal: a kind of interface, or one of "move", "address", "route", "up",
  // "proxy", "virtual LAN".
  std::string subject;
  Origin origin;  // the line that asked
  std::string request;
  std::vector<Fixup> fixups;
  int forgiven = 0;  // an errno that counts as done; 0: none
  std::string path, value;
  std::vector<std::string> program;
  // An interface of the host, as it was there. Requests that follow name the one that came home by "".
  struct Home {
    std::string name, other_name;  // the second should the first have been given away
    std::string kind;
    std::vector<std::string> alternative_names;
    int index = 0;  // inside
    bool wireless = false;
  } home = {};
  bool may_fail = false;  // a failure is logged, and the start goes on
};

// An act together with what takes it back, in order. Undone also when the act of a later entry fails.
struct Entry {
  Act act;
  std::vector<Act> undo;
  // What it changes stays behind when container and monitor are killed: it is not tied to the container's namespace. Somebody
  // has to outlive the monitor to take it back.
  bool outlives = false;
  // Taking it back may wait until who waits for the stop has been answered.
  bool lazily_undone = false;
};

struct Recipe {
  std::vector<Entry> entries;
  std::string host_end;  // of the section that is being planned: the name of the interface that stays on the host; empty: none
  std::vector<std::string> warnings;

  Entry& add(Act act);
};

// Writes a request with its fix-ups. The body's index is a fix-up where `at_index` says so.
class Request {
 public:
  template <typename Body>
  Request(std::uint16_t type, std::uint16_t flags, const Body& body) : message_(type, flags, body) {}

  explicit Request(os::NetlinkMessage message) : message_(std::move(message)) {}

  os::NetlinkMessage& message() { return message_; }
  // The i32 at `offset` becomes the index of `interface`.
  Request& index_at(std::size_t offset, std::string interface);
  Request& add_index(std::uint16_t attribute, std::string interface);
  // The attribute holds a descriptor of the namespace of `side`.
  Request& add_namespace(std::uint16_t attribute, Side side);

  Request& about(std::string_view subject);
  // The act that sends it.
  Act act(Side side, std::string doing, std::string object, Origin origin) &&;

 private:
  os::NetlinkMessage message_;
  std::vector<Fixup> fixups_;
  std::string subject_;
};

Act write_file(std::string path, std::string value, std::string doing, Origin origin);
Act run_program(std::vector<std::string> program, std::string doing, std::string object, Origin origin);

}  // namespace berth::network
