// Automatic addresses: which one is picked, how the choice is kept, and who else has addresses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/strings.hpp"
#include "network/address_book.hpp"
#include "network/address_use.hpp"
#include "network/neighbours.hpp"

namespace berth::network {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

AddressPool pool(const std::string& address, unsigned length) {
  const int family = address.find(':') == std::string::npos ? AF_INET : AF_INET6;
  return pool_of({.family = family, .text = address, .prefix_length = length, .scope = 0}).value();
}

TEST(AddressPool, HasRoomBesideTheBridge) {
  EXPECT_EQ(pool("10.0.3.1", 24).text(), "10.0.3.0/24");
  EXPECT_EQ(pool("10.77.3.1", 12).text(), "10.64.0.0/12");
  EXPECT_EQ(pool("fd00::1", 64).text(), "fd00::/64");
  for (const unsigned length : {0U, 31U, 32U})
    EXPECT_FALSE(pool_of({.family = AF_INET, .text = "10.0.3.1", .prefix_length = length}));
  EXPECT_FALSE(pool_of({.family = AF_INET6, .text = "fd00::1", .prefix_length = 127}));
  EXPECT_FALSE(pool_of({.family = AF_INET, .text = "10.0.3", .prefix_length = 24}));
}

TEST(AddressPool, OffersNeitherEndNorTheBridge) {
  const AddressPool version4 = pool("10.0.3.1", 24);
  for (const auto* text : {"10.0.3.0", "10.0.3.255", "10.0.3.1", "10.0.4.2", "fd00::2", "x", ""})
    EXPECT_FALSE(version4.offers(text)) << text;
  EXPECT_TRUE(version4.offers("10.0.3.2"));
  EXPECT_TRUE(version4.offers("10.0.3.254"));
  const AddressPool version6 = pool("fd00::1", 64);
  for (const auto* text : {"fd00::", "fd00::1", "fd00:0:0:1::2", "10.0.3.2"}) EXPECT_FALSE(version6.offers(text)) << text;
  EXPECT_TRUE(version6.offers("fd00::ffff:ffff:ffff:ffff"));
}

TEST(AddressPool, GivesEveryAddressOnceAndThenNone) {
  for (const auto& [address, length, count] :
       {std::tuple{"10.0.3.1", 29U, 5U}, {"10.0.3.2", 30U, 1U}, {"fd00::1", 125U, 6U}, {"10.0.0.1", 22U, 1021U}}) {
    const AddressPool small = pool(address, length);
    AddressSet taken;
    while (const auto next = choose_address(small, "seed", taken)) {
      EXPECT_TRUE(small.offers(*next)) << *next;
      ASSERT_TRUE(taken.insert(*next).second) << *next;
    }
    EXPECT_EQ(taken.size(), count) << address;
  }
}

TEST(AddressPool, TheSeedDecides) {
  for (const AddressPool& any : {pool("10.0.3.1", 24), pool("10.0.0.1", 8), pool("fd00::1", 64), pool("fd00::1", 112)}) {
    EXPECT_EQ(choose_address(any, "a", {}), choose_address(any, "a", {}));
    EXPECT_NE(choose_address(any, "a", {}), choose_address(any, "b", {}));
    const auto first = choose_address(any, "a", {}).value();
    EXPECT_NE(choose_address(any, "a", {first}), first);
    EXPECT_TRUE(any.offers(choose_address(any, "a", {first}).value()));
  }
}

class Book : public ::testing::Test {
 protected:
  Book() {
    std::string name = "/tmp/berth-book.XXXXXX";
    directory = ::mkdtemp(name.data());
  }
  ~Book() override { std::filesystem::remove_all(directory); }
  void define(const std::string& container) {
    std::filesystem::create_directories(container);
    std::ofstream(container + "/config") << "lxc.uts.name = x\n";
  }
  std::string address_of(const std::string& container, const AddressPool& from, const AddressSet& met = {},
                         const AddressSet& leased = {}) {
    AddressBook book = AddressBook::open(books(), "br0").value();
    const std::string address = book.assign(from, container, 0, {leased, met}).value();
    EXPECT_TRUE(book.save());
    return address;
  }
  [[nodiscard]] std::string books() const { return directory + "/books"; }

  std::string directory;
};

TEST_F(Book, KeepsAnAddressOverStarts) {
  const AddressPool from = pool("10.0.3.1", 24);
  const std::string first = address_of("/c/web1", from);
  EXPECT_EQ(address_of("/c/web1", from, {first}), first);  // who else should use it but the container itself
  EXPECT_NE(address_of("/c/web2", from), first);
  const AddressBook book = AddressBook::read(books(), "br0").value();
  EXPECT_EQ(book.entries().size(), 2U);
  EXPECT_EQ(book.entries()[0], (BookEntry{first, 0, "/c/web1"}));
}

TEST_F(Book, GivesUpAnAddressThatWasLeasedMeanwhile) {
  const AddressPool from = pool("10.0.3.1", 24);
  const std::string first = address_of("/c/web1", from);
  EXPECT_NE(address_of("/c/web1", from, {}, {first}), first);
}

TEST_F(Book, GivesEachNetworkAndVersionItsOwn) {
  AddressBook book = AddressBook::open(books(), "br0").value();
  const std::string a = book.assign(pool("10.0.3.1", 24), "/c/web1", 0, {}).value();
  const std::string b = book.assign(pool("10.0.3.1", 24), "/c/web1", 1, {}).value();
  const std::string c = book.assign(pool("fd00::1", 64), "/c/web1", 0, {}).value();
  EXPECT_NE(a, b);
  EXPECT_EQ(book.assign(pool("10.0.3.1", 24), "/c/web1", 0, {}).value(), a);
  EXPECT_EQ(book.assign(pool("fd00::1", 64), "/c/web1", 0, {}).value(), c);
  EXPECT_EQ(book.entries().size(), 3U);
}

TEST_F(Book, MovesWithTheNetworkOfTheBridge) {
  const std::string before = address_of("/c/web1", pool("10.0.3.1", 24));
  const std::string after = address_of("/c/web1", pool("10.9.9.1", 24));
  EXPECT_THAT(after, HasSubstr("10.9.9."));
  EXPECT_EQ(AddressBook::read(books(), "br0").value().entries().size(), 1U);
}

TEST_F(Book, NeverGivesWhatOthersUse) {
  const AddressPool from = pool("10.0.3.1", 29);
  EXPECT_EQ(address_of("/c/web1", from, {"10.0.3.2", "10.0.3.3", "10.0.3.5", "10.0.3.6"}), "10.0.3.4");
}

TEST_F(Book, UsesTheAddressesOfContainersThatAreGoneWhenNothingElseIsLeft) {
  const AddressPool from = pool("10.0.3.1", 29);
  define(directory + "/kept");
  const std::string kept = address_of(directory + "/kept", from);
  AddressSet gone;
  for (const auto* name : {"/a", "/b", "/c", "/d"}) gone.insert(address_of(directory + name, from));
  EXPECT_EQ(gone.size(), 4U);
  const std::string reused = address_of(directory + "/new", from);
  EXPECT_NE(reused, kept);
  EXPECT_TRUE(gone.contains(reused));
  EXPECT_EQ(AddressBook::read(books(), "br0").value().entries().size(), 2U);
}

TEST_F(Book, SaysThatTheNetworkIsFull) {
  const AddressPool from = pool("10.0.3.1", 30);
  define(directory + "/kept");
  address_of(directory + "/kept", from);
  AddressBook book = AddressBook::open(books(), "br0").value();
  const auto refused = book.assign(from, "/c/web2", 0, {});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().line(), HasSubstr("no address of 10.0.3.0/30 on br0 is free"));
  EXPECT_THAT(refused.error().hint(), HasSubstr("larger network"));
}

TEST_F(Book, ForgetsAndRenames) {
  const AddressPool from = pool("10.0.3.1", 24);
  const std::string first = address_of("/c/web1", from);
  {
    AddressBook book = AddressBook::open(books(), "br0").value();
    EXPECT_FALSE(book.forget("/c/web"));
    EXPECT_TRUE(book.rename("/c/web1", "/c/web9"));
    ASSERT_TRUE(book.save());
  }
  EXPECT_EQ(address_of("/c/web9", from), first);
  AddressBook book = AddressBook::open(books(), "br0").value();
  EXPECT_TRUE(book.forget("/c/web9"));
  ASSERT_TRUE(book.save());
  EXPECT_FALSE(std::filesystem::exists(books() + "/br0"));
}

TEST_F(Book, ClearsWhatAKilledWriterLeft) {
  std::filesystem::create_directories(books());
  std::ofstream(books() + "/.new.abcdefghij") << "10.0";
  address_of("/c/web1", pool("10.0.3.1", 24));
  EXPECT_FALSE(std::filesystem::exists(books() + "/.new.abcdefghij"));
  EXPECT_TRUE(std::filesystem::exists(books() + "/br0"));
}

TEST_F(Book, LooksWithoutLeavingAnything) {
  AddressBook book = AddressBook::read(books(), "br0").value();
  EXPECT_TRUE(book.assign(pool("10.0.3.1", 24), "/c/web1", 0, {}));
  EXPECT_FALSE(std::filesystem::exists(books()));
}

TEST(AddressBookText, IsReadAsItIsWritten) {
  const std::vector<BookEntry> entries = {{"10.0.3.7", 0, "/var/lib/lxc/web 1"}, {"fd00::7", 12, "/a/b"}};
  EXPECT_EQ(parse_address_book(format_address_book(entries), "f").value(), entries);
  EXPECT_TRUE(parse_address_book("", "f").value().empty());
}

TEST(AddressBookText, RefusesWhatIsDamaged) {
  for (const std::string_view text :
       {"10.0.3.7", "10.0.3.7 0", "10.0.3.7 0 ", "10.0.3.7 0 web1", "10.0.3 0 /c/web1", "10.0.3.7 x /c/web1",
        "10.0.3.7  0 /c/web1", "FD00::7 0 /c/web1", "10.0.3.7 0 /a\n10.0.3.7 1 /a", "\x01"}) {
    const auto refused = parse_address_book(strings::cat("# first\n", text, "\n"), "/f/br0");
    ASSERT_FALSE(refused) << text;
    EXPECT_THAT(refused.error().line(), HasSubstr("/f/br0: line ")) << text;
  }
}

TEST(AddressUse, KnowsLeases) {
  AddressSet addresses;
  add_leases(addresses,
             "1700000000 00:16:3e:01:02:03 10.0.3.50 web1 01:00\nduid 00:01\n1700000000 1234 FD00::0:9 web1 00:01\nx\n0 y "
             "nonsense z w\n");
  EXPECT_THAT(addresses, UnorderedElementsAre("10.0.3.50", "fd00::9"));
}

std::vector<std::byte> neighbour_message(unsigned char family, unsigned short state, std::size_t size) {
  struct {
    ndmsg body;
    rtattr head;
    unsigned char address[16];
  } message{};
  message.body.ndm_family = family;
  message.body.ndm_ifindex = 7;
  message.body.ndm_state = state;
  message.head = {static_cast<unsigned short>(sizeof(rtattr) + size), NDA_DST};
  for (unsigned char& byte : message.address) byte = 10;
  const auto bytes = std::as_bytes(std::span(&message, 1));
  return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(sizeof(ndmsg) + sizeof(rtattr) + size)};
}

TEST(AddressUse, KnowsNeighboursThatHaveAnswered) {
  const auto found = parse_neighbour(neighbour_message(AF_INET, NUD_STALE, 4));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->index, 7);
  EXPECT_EQ(found->address, "10.10.10.10");
  EXPECT_EQ(parse_neighbour(neighbour_message(AF_INET6, NUD_REACHABLE, 16)).value().address, "a0a:a0a:a0a:a0a:a0a:a0a:a0a:a0a");
  EXPECT_FALSE(parse_neighbour(neighbour_message(AF_INET, NUD_INCOMPLETE, 4)));
  EXPECT_FALSE(parse_neighbour(neighbour_message(AF_INET, NUD_FAILED, 4)));
  EXPECT_FALSE(parse_neighbour(neighbour_message(AF_INET6, NUD_STALE, 4)));
  EXPECT_FALSE(parse_neighbour(neighbour_message(AF_BRIDGE, NUD_REACHABLE, 4)));
  auto cut = neighbour_message(AF_INET, NUD_STALE, 4);
  for (; !cut.empty(); cut.pop_back()) static_cast<void>(parse_neighbour(cut));
}

TEST(AddressNote, IsReadAsItIsWritten) {
  const AddressNote note{"/var/lib/lxc/web 1", {"10.0.3.7", "fd00::7"}};
  EXPECT_EQ(format_address_note(note), "berth: 10.0.3.7 fd00::7 /var/lib/lxc/web 1");
  const auto read = parse_address_note(format_address_note(note));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->container, note.container);
  EXPECT_EQ(read->addresses, note.addresses);
  for (const std::string_view other : {"", "uplink", "berth:", "berth: 10.0.3.7", "berth: x /c/web1", "berth 10.0.3.7 /c"})
    EXPECT_FALSE(parse_address_note(other)) << other;
}

TEST(AddressNote, IsNoLongerThanTheKernelTakes) {
  AddressNote note{"/c/" + std::string(100, 'x'), {}};
  for (int i = 0; i < 100; ++i) note.addresses.push_back(strings::cat("10.0.3.", i));
  EXPECT_LE(format_address_note(note).size(), 255U);
  EXPECT_GT(parse_address_note(format_address_note(note)).value().addresses.size(), 5U);
  EXPECT_EQ(format_address_note({"/c/" + std::string(250, 'x'), {"10.0.3.7"}}), "");
}

}  // namespace
}  // namespace berth::network
