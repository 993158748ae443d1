#include "config/mount_layers.hpp"

#include <gtest/gtest.h>

#include "base/strings.hpp"

namespace berth::config {
namespace {

std::string below_new(Layer layer, const std::string& path) {
  return layer == Layer::kWork || !path.starts_with("/old") ? path : strings::cat("/new", std::string_view(path).substr(4));
}

TEST(MountLayers, EachPathIsEditedAndAllElseStays) {
  EXPECT_EQ(edit_layers("ro,lowerdir=/a:/old/b,upperdir=/old/u,workdir=/old/w,x=/old", below_new),
            "ro,lowerdir=/a:/new/b,upperdir=/new/u,workdir=/old/w,x=/old");
}

TEST(MountLayers, EscapedSeparatorsBelongToThePath) {
  EXPECT_EQ(edit_layers(R"(lowerdir=/old\:1:/x,upperdir=/old/a\,b:c)", below_new),
            R"(lowerdir=/new\:1:/x,upperdir=/new/a\,b\:c)");
  EXPECT_EQ(edit_layers(R"(lowerdir=/x\\,upperdir=/y:z)", below_new), R"(lowerdir=/x\\,upperdir=/y:z)");
}

TEST(MountLayers, AFieldKeepsItsBlanksEscaped) {
  EXPECT_EQ(edit_layers_of_field(R"(upperdir=/old/a\040b)", below_new), R"(upperdir=/new/a\040b)");
  EXPECT_EQ(edit_layers_of_field(R"(upperdir=/x\040b)", below_new), R"(upperdir=/x\040b)");
  EXPECT_EQ(edit_layers_of_field(R"(upperdir=/old/a\134,b)", below_new), R"(upperdir=/new/a\134,b)");
}

}  // namespace
}  // namespace berth::config
