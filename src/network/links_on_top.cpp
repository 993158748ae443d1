// Runs in: the starting command.
// macvlan, ipvlan and vlan: one interface, made on top of the host's within the container's namespace. It goes with the
// namespace.
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <array>

#include "base/strings.hpp"
#include "network/kinds.hpp"
#include "network/requests.hpp"

namespace berth::network {
namespace {

struct Word {
  std::string_view text;
  std::uint32_t value;
};

template <std::size_t N>
std::uint32_t value_of(const std::array<Word, N>& words, std::string_view text) {
  for (const Word& word : words) {
    if (word.text == text) return word.value;
  }
  return words.front().value;  // the default; other texts don't pass the configuration
}

constexpr auto kMacvlanModes = std::to_array<Word>({
    Word{"private", MACVLAN_MODE_PRIVATE},
    Word{"vepa", MACVLAN_MODE_VEPA},
    Word{"bridge", MACVLAN_MODE_BRIDGE},
    Word{"passthru", MACVLAN_MODE_PASSTHRU},
});
constexpr auto kIpvlanModes = std::to_array<Word>({
    Word{"l3", IPVLAN_MODE_L3},
    Word{"l2", IPVLAN_MODE_L2},
    Word{"l3s", IPVLAN_MODE_L3S},
});
constexpr auto kIpvlanFlags = std::to_array<Word>({
    Word{"bridge", 0},
    Word{"private", IPVLAN_F_PRIVATE},
    Word{"vepa", IPVLAN_F_VEPA},
});

// A request that has begun.
struct OnTop {
  std::string name;  // until it is where it belongs
  Request request;   // with the data of the kind open
};

Result<OnTop> on_top(const Section& section, std::string_view kind) {
  std::string name = TRY(random_name("new"));
  Request request = new_link_inside(section, name);
  request.about(kind);
  request.add_index(IFLA_LINK, section.link);
  request.message().open(IFLA_LINKINFO);
  request.message().add_text(IFLA_INFO_KIND, kind);
  request.message().open(IFLA_INFO_DATA);
  return OnTop{std::move(name), std::move(request)};
}

void finish(OnTop made, const Section& section, std::string_view what, Recipe& recipe) {
  os::NetlinkMessage& message = made.request.message();
  message.close();
  message.close();
  // The kernel removes it with the namespace, in its own time; the step that opened the namespace does it at once, because until
  // then the next start could not have the tag, the hardware address, or a link that must be alone.
  recipe.add(std::move(made.request)
                 .act(Side::kHost, strings::cat("making ", section.name, ", ", what, " on ", section.link), section.link,
                      section.origin));
  recipe.add(rename_inside(section, made.name));
}

}  // namespace

const Traits& Macvlan::traits() const {
  static constexpr Traits kTraits = {.type = "macvlan",
                                     .has_interface = true,
                                     .needs_link = true,
                                     .moves_link = false,
                                     .takes_auto_gateway = true,
                                     .draws_hwaddr = true};
  return kTraits;
}

Status Macvlan::plan(const Section& section, const Host& host, Recipe& recipe) const {
  TRY(require_link(section, host));
  OnTop made = TRY(on_top(section, "macvlan"));
  made.request.message().add_value(IFLA_MACVLAN_MODE, value_of(kMacvlanModes, section.mode));
  finish(std::move(made), section, "a macvlan interface", recipe);
  return {};
}

const Traits& Ipvlan::traits() const {
  static constexpr Traits kTraits = {.type = "ipvlan",
                                     .has_interface = true,
                                     .needs_link = true,
                                     .moves_link = false,
                                     .takes_auto_gateway = true,
                                     .draws_hwaddr = false};
  return kTraits;
}

Status Ipvlan::plan(const Section& section, const Host& host, Recipe& recipe) const {
  TRY(require_link(section, host));
  if (section.hwaddr) {
    return fail(
        Error::message(strings::cat("an ipvlan interface has the hardware address of ", section.link, " and takes no other"))
            .set_by(section.origin_of("hwaddr"))
            .hint("remove the line, or use type macvlan"));
  }
  OnTop made = TRY(on_top(section, "ipvlan"));
  made.request.message().add_value(IFLA_IPVLAN_MODE, static_cast<std::uint16_t>(value_of(kIpvlanModes, section.mode)));
  made.request.message().add_value(IFLA_IPVLAN_FLAGS, static_cast<std::uint16_t>(value_of(kIpvlanFlags, section.isolation)));
  finish(std::move(made), section, "an ipvlan interface", recipe);
  return {};
}

const Traits& Vlan::traits() const {
  static constexpr Traits kTraits = {.type = "vlan",
                                     .has_interface = true,
                                     .needs_link = true,
                                     .moves_link = false,
                                     .takes_auto_gateway = false,
                                     .draws_hwaddr = false};
  return kTraits;
}

Status Vlan::plan(const Section& section, const Host& host, Recipe& recipe) const {
  TRY(require_link(section, host));
  OnTop made = TRY(on_top(section, "vlan"));
  made.request.message().add_value(IFLA_VLAN_ID, static_cast<std::uint16_t>(section.vlan_id));
  finish(std::move(made), section, strings::cat("the virtual LAN ", section.vlan_id), recipe);
  return {};
}

}  // namespace berth::network
