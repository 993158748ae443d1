#include "security/seccomp_filter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace berth::security {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

CompiledFilter example() {
  CompiledFilter filter;
  filter.program = std::string("\x06\0\0\0\0\0\xff\x7f\x06\0\0\0\x01\0\x05\0", 16);
  filter.notifies = true;
  filter.warnings = {"p:3: one", "p:4: two"};
  return filter;
}

TEST(SeccompFilter, WhatIsKeptComesBack) {
  CompiledFilter back;
  ASSERT_TRUE(decode_filter(encode_filter(example()), back));
  EXPECT_EQ(back.program, example().program);
  EXPECT_EQ(back.instructions(), 2U);
  EXPECT_TRUE(back.notifies);
  EXPECT_THAT(back.warnings, ElementsAre("p:3: one", "p:4: two"));
}

TEST(SeccompFilter, DamageIsNoFilter) {
  const std::string whole = encode_filter(example());
  CompiledFilter filter;
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(decode_filter(whole.substr(0, size), filter)) << size;
  EXPECT_FALSE(decode_filter(whole + "x", filter));
  std::string other = whole;
  other[0] = 'x';
  EXPECT_FALSE(decode_filter(other, filter));
  std::string odd = whole;
  odd[4] = 15;  // the program's size: not a number of instructions
  odd[8] = static_cast<char>(odd[8] + 1);
  EXPECT_FALSE(decode_filter(odd, filter));
  CompiledFilter empty = example();
  empty.program.clear();
  EXPECT_FALSE(decode_filter(encode_filter(empty), filter));
}

// A compiler that is a script: what it says, and how often it is asked.
class SeccompCompiler : public testing::Test {
 protected:
  SeccompCompiler() {
    char name[] = "/tmp/berth-seccomp-XXXXXX";
    directory = ::mkdtemp(name);
    policy = directory + "/policy";
    ::setenv("XDG_RUNTIME_DIR", directory.c_str(), 1);
  }
  ~SeccompCompiler() override {
    ::unsetenv("XDG_RUNTIME_DIR");
    std::system(("rm -rf " + directory).c_str());
  }
  std::string script(const std::string& body) {
    const std::string path = directory + "/compiler";
    std::ofstream(path) << "#!/bin/sh\n" << body << '\n';
    std::system(("chmod 755 " + path).c_str());
    return path;
  }
  void write_policy(const std::string& text) const { std::ofstream(policy) << text; }

  std::string directory, policy;
};

TEST_F(SeccompCompiler, ItsWordsAreTheError) {
  write_policy("2\ndenylist\nmknod errno 1\n");
  const auto filter = compile_policy_file(policy, script("echo 'it is too much' >&2; exit 1"));
  ASSERT_FALSE(filter);
  EXPECT_THAT(filter.error().line(), HasSubstr("it is too much"));
}

TEST_F(SeccompCompiler, SilenceAndRubbishAreErrors) {
  write_policy("2\ndenylist\nmknod errno 1\n");
  EXPECT_THAT(compile_policy_file(policy, script("kill -9 $$")).error().line(), HasSubstr("SIGKILL"));
  EXPECT_FALSE(compile_policy_file(policy, script("echo rubbish")));
  EXPECT_FALSE(compile_policy_file(policy, directory + "/nothing"));
}

TEST_F(SeccompCompiler, IsNotAskedForAPolicyThatIsWrong) {
  write_policy("2\ndenylist\nmknod foo\n");
  const auto filter = compile_policy_file(policy, script("touch " + directory + "/asked"));
  ASSERT_FALSE(filter);
  EXPECT_THAT(filter.error().line(), HasSubstr(policy + ":3:7: expected kill"));
  EXPECT_FALSE(std::ifstream(directory + "/asked").good());
  write_policy("2\nallowlist notify\nread\n");
  EXPECT_THAT(compile_policy_file(policy, directory + "/compiler").error().line(), HasSubstr("sendmsg"));
  EXPECT_THAT(compile_policy_file(directory + "/none", directory + "/compiler").error().line(), HasSubstr("No such file"));
}

}  // namespace
}  // namespace berth::security
