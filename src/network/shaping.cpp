// Runs in: the starting command.
// Source of the layouts: linux/pkt_sched.h, linux/pkt_cls.h, linux/tc_act/tc_mirred.h, and what tc(8) of iproute2 sends.
#include "network/shaping.hpp"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/netlink.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "base/strings.hpp"
#include "network/requests.hpp"

namespace berth::network {
namespace {

constexpr std::uint16_t kNew = NLM_F_CREATE | NLM_F_EXCL;
constexpr std::size_t kIndexOfBody = NLMSG_HDRLEN + offsetof(tcmsg, tcm_ifindex);

// A bucket as deep as 20 ms of the rate: timers are exact to a fraction of that, and what the kernel has gathered into one large
// packet passes. The queue before it holds another 100 ms, and never less than TCP needs to get on.
struct Bucket {
  std::uint64_t bytes_per_second;
  std::uint32_t burst, limit;
};

Bucket bucket_for(std::uint64_t bits_per_second, std::uint32_t mtu) {
  constexpr std::uint64_t kMostBytes = 1ULL << 30;
  constexpr std::uint64_t kLeastQueue = 60'000;
  constexpr std::uint32_t kHeaders = 36;  // of Ethernet, with tags
  const std::uint64_t rate = bits_per_second / 8;
  const std::uint64_t burst = std::max<std::uint64_t>(rate / 50, 2 * (std::max(mtu, 1500U) + kHeaders));
  const std::uint64_t queue = std::max(rate / 10, kLeastQueue);
  return {rate, static_cast<std::uint32_t>(std::min(burst, kMostBytes)),
          static_cast<std::uint32_t>(std::min(burst + queue, 2 * kMostBytes))};
}

// Time that `bytes` take, in the kernel's unit of 64 ns.
std::uint32_t time_of(std::uint64_t bytes, std::uint64_t bytes_per_second) {
  constexpr std::uint64_t kTicksPerSecond = 1'000'000'000 / 64;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes * kTicksPerSecond / bytes_per_second, 0xffffffffU));
}

Act add_bucket(const std::string& interface, const Bucket& bucket, const Origin& origin, std::string_view doing) {
  tcmsg body{};
  body.tcm_parent = TC_H_ROOT;
  Request request(RTM_NEWQDISC, kNew, body);
  request.index_at(kIndexOfBody, interface);
  tc_tbf_qopt options{};
  options.rate.rate = static_cast<std::uint32_t>(std::min<std::uint64_t>(bucket.bytes_per_second, 0xffffffffU));
  options.rate.linklayer = TC_LINKLAYER_ETHERNET;  // the kernel then computes times itself and wants no table of them
  options.limit = bucket.limit;
  options.buffer = time_of(bucket.burst, bucket.bytes_per_second);
  os::NetlinkMessage& message = request.message();
  message.add_text(TCA_KIND, "tbf");
  message.open(TCA_OPTIONS);
  message.add_value(TCA_TBF_PARMS, options);
  if (bucket.bytes_per_second > 0xffffffffU) message.add_value(TCA_TBF_RATE64, bucket.bytes_per_second);
  message.add_value(TCA_TBF_BURST, bucket.burst);
  message.close();
  request.about("bucket");
  return std::move(request).act(Side::kHost, std::string(doing), interface, origin);
}

Act make_ifb(const std::string& name, std::uint32_t mtu, const Origin& origin) {
  Request request(RTM_NEWLINK, kNew, ifinfomsg{});
  request.message().add_text(IFLA_IFNAME, name);
  request.message().add_value(IFLA_MTU, mtu);
  request.message().open(IFLA_LINKINFO);
  request.message().add_text(IFLA_INFO_KIND, "ifb");
  request.message().close();
  request.about("ifb");
  return std::move(request).act(Side::kHost, strings::cat("making ", name, ", which limits what the container sends"), name,
                                origin);
}

Act add_ingress(const std::string& interface, const Origin& origin) {
  tcmsg body{};
  body.tcm_parent = TC_H_INGRESS;
  body.tcm_handle = TC_H_MAKE(TC_H_INGRESS, 0);
  Request request(RTM_NEWQDISC, kNew, body);
  request.index_at(kIndexOfBody, interface);
  request.message().add_text(TCA_KIND, "ingress");
  request.about("ingress");
  return std::move(request).act(Side::kHost, strings::cat("looking at what comes in on ", interface), interface, origin);
}

// A selector with one key, which every packet matches.
std::array<std::byte, sizeof(tc_u32_sel) + sizeof(tc_u32_key)> match_all() {
  std::array<std::byte, sizeof(tc_u32_sel) + sizeof(tc_u32_key)> bytes{};
  tc_u32_sel selector{};
  selector.flags = TC_U32_TERMINAL;
  selector.nkeys = 1;
  std::memcpy(bytes.data(), &selector, sizeof selector);
  return bytes;
}

void add_redirection(Request& request, const std::string& to) {
  os::NetlinkMessage& message = request.message();
  message.open(TCA_U32_ACT);
  message.open(1);  // the first action
  message.add_text(TCA_ACT_KIND, "mirred");
  message.open(TCA_ACT_OPTIONS);
  tc_mirred redirection{};
  redirection.action = TC_ACT_STOLEN;
  redirection.eaction = TCA_EGRESS_REDIR;
  const std::size_t at = message.add_value(TCA_MIRRED_PARMS, redirection);
  request.index_at(at + offsetof(tc_mirred, ifindex), to);
  for (int nest = 0; nest < 3; ++nest) message.close();
}

Act redirect(const std::string& from, const std::string& to, const Origin& origin) {
  tcmsg body{};
  body.tcm_parent = TC_H_MAKE(TC_H_INGRESS, 0);
  constexpr std::uint32_t kFirst = 1;
  body.tcm_info = TC_H_MAKE(kFirst << 16, __builtin_bswap16(ETH_P_ALL));
  Request request(RTM_NEWTFILTER, kNew, body);
  request.index_at(kIndexOfBody, from);
  request.message().add_text(TCA_KIND, "u32");
  request.message().open(TCA_OPTIONS);
  request.message().add_value(TCA_U32_SEL, match_all());
  add_redirection(request, to);
  request.message().close();
  request.about("redirection");
  return std::move(request).act(Side::kHost, strings::cat("leading what comes in on ", from, " through ", to), from, origin);
}

Status limit_egress(const Section& section, const std::string& host_end, std::uint32_t mtu, Recipe& recipe) {
  const Origin& origin = section.origin_of("limit.egress");
  const std::string ifb = TRY(random_name("ifb"));
  Entry& entry = recipe.add(make_ifb(ifb, mtu, origin));
  entry.undo.push_back(delete_link(ifb, origin));
  entry.outlives = true;  // the pair goes with the container's namespace, this does not
  entry.lazily_undone = true;
  recipe.add(add_bucket(ifb, bucket_for(section.egress_limit, mtu), origin, "limiting what the container sends"));
  recipe.add(set_up(Side::kHost, ifb, origin));
  recipe.add(add_ingress(host_end, origin));
  recipe.add(redirect(host_end, ifb, origin));
  return {};
}

}  // namespace

Status add_limits(const Section& section, const std::string& host_end, std::uint32_t mtu, Recipe& recipe) {
  if (section.ingress_limit != 0) {
    recipe.add(add_bucket(host_end, bucket_for(section.ingress_limit, mtu), section.origin_of("limit.ingress"),
                          "limiting what the container receives"));
  }
  return section.egress_limit != 0 ? limit_egress(section, host_end, mtu, recipe) : Status{};
}

}  // namespace berth::network
