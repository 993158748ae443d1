// Readers of a configuration get their text without any memory but that of the text.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <new>
#include <string>

#include "base/strings.hpp"
#include "config/key_table.hpp"
#include "config/network_values.hpp"
#include "config/parser.hpp"

namespace {
std::size_t allocations = 0;
}

[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace berth::config {
namespace {

template <typename Act>
std::size_t allocations_of(const Act& act) {
  const std::size_t before = allocations;
  act();
  return allocations - before;
}

// Every key with a value, lists with several lines.
struct Everything {
  Conf conf;
  std::vector<std::string> keys;

  Everything() {
    for (const KeySection& section : key_sections()) {
      for (const Key& key : section.keys) add(key);
    }
    const std::array<std::string_view, 4> types = {"veth", "macvlan", "ipvlan", "vlan"};
    for (std::size_t i = 0; i < types.size(); ++i) add_network(strings::cat("lxc.net.", i, "."), types[i]);
  }

  void add(const Key& key) {
    if (key.example.empty() || key.is(kInclude)) return;
    if (key.name == "lxc.cap.keep" || key.name == "lxc.namespace.keep") return;  // they exclude others
    const std::size_t equals = key.is(kPrefix) ? key.example.find(" = ") : std::string_view::npos;
    const bool prefixed = equals != std::string_view::npos;
    const std::string name = prefixed ? strings::cat(key.name, ".", key.example.substr(0, equals)) : std::string(key.name);
    set(name, prefixed ? key.example.substr(equals + 3) : key.example);
  }
  void add_network(const std::string& prefix, std::string_view type) {
    set(prefix + "type", type);
    for (const Key& key : network_keys()) {
      const std::string_view subkey = network_subkey(key);
      if (subkey != "type" && type_has_subkey(type, subkey)) set(strings::cat(prefix, subkey), key.example);
    }
  }
  void set(const std::string& name, std::string_view value) {
    for (int line = 0; line < 3; ++line) EXPECT_TRUE(set_item(conf, name, value)) << name;
    keys.push_back(name);
  }
};

TEST(Allocations, AGetterTakesTheMemoryOfItsResultAlone) {
  const Everything all;
  EXPECT_GT(all.keys.size(), 140U);
  for (const std::string& key : all.keys) {
    std::array<char, 4096> room;
    EXPECT_EQ(allocations_of([&] { EXPECT_TRUE(copy_item(all.conf, key, room)); }), 0U) << key;
    EXPECT_EQ(allocations_of([&] { EXPECT_TRUE(copy_item(all.conf, key, {})); }), 0U) << key;
    std::size_t length = 0;
    const std::size_t taken = allocations_of([&] { length = get_item(all.conf, key).value().size(); });
    EXPECT_EQ(taken, length > std::string().capacity() ? 1U : 0U) << key;
  }
}

TEST(Allocations, SoDoesAListOfKeys) {
  const Everything all;
  for (const std::string_view prefix :
       {"", "lxc.net", "lxc.net.0", "lxc.net.3", "lxc.prlimit", "lxc.cgroup2", "lxc.hook", "lxc.init"}) {
    std::array<char, 4096> room;
    EXPECT_EQ(allocations_of([&] { EXPECT_TRUE(copy_keys(all.conf, prefix, room)); }), 0U) << prefix;
    const std::size_t taken = allocations_of([&] { EXPECT_TRUE(keys_text(all.conf, prefix)); });
    EXPECT_LE(taken, 1U) << prefix;
  }
}

TEST(Copies, AreCutAsBySnprintfAndTellTheWholeLength) {
  Conf conf;
  ASSERT_TRUE(set_item(conf, "lxc.uts.name", "container"));
  std::array<char, 6> room{'?', '?', '?', '?', '?', '?'};
  EXPECT_EQ(copy_item(conf, "lxc.uts.name", std::span(room).first(5)).value(), 9U);
  EXPECT_EQ(std::string_view(room.data(), 6), std::string_view("cont\0?", 6));
  EXPECT_EQ(copy_item(conf, "lxc.uts.name", {}).value(), 9U);
  std::array<char, 32> large;
  EXPECT_EQ(copy_item(conf, "lxc.uts.name", large).value(), 9U);
  EXPECT_STREQ(large.data(), "container");
  EXPECT_EQ(copy_keys(conf, "lxc.uts", large).value(), 5U);
  EXPECT_STREQ(large.data(), "name\n");
  EXPECT_FALSE(copy_item(conf, "lxc.nope", large));
  EXPECT_FALSE(copy_keys(conf, "lxc.nope", large));
}

}  // namespace
}  // namespace berth::config
