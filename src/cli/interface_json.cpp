// Runs in: host commands.
#include "cli/interface_json.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/strings.hpp"

namespace berth::cli {

void put_counters(JsonWriter& json, const os::LinkCounters& counters) {
  json.key("rx_bytes").value(counters.rx_bytes).key("tx_bytes").value(counters.tx_bytes);
  json.key("rx_packets").value(counters.rx_packets).key("tx_packets").value(counters.tx_packets);
  json.key("rx_errors").value(counters.rx_errors).key("tx_errors").value(counters.tx_errors);
  json.key("rx_dropped").value(counters.rx_dropped).key("tx_dropped").value(counters.tx_dropped);
}

void put_interface(JsonWriter& json, const os::Link& link) {
  json.begin_object().key("name").value(link.name).key("other_names").value(link.other_names);
  json.key("kind").value(link.loopback ? std::string("loopback") : link.kind).key("up").value(link.up);
  json.key("addresses").begin_array();
  for (const os::LinkAddress& address : link.addresses) {
    json.begin_object().key("family").value(address.family == AF_INET6 ? "inet6" : "inet");
    json.key("address").value(address.text).key("prefix").value(address.prefix_length).end_object();
  }
  json.end_array();
  if (link.counters) put_counters(json, *link.counters);
  json.end_object();
}

}  // namespace berth::cli
