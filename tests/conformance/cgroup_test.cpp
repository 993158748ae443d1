// What arrange() promises, carried out on the kernel's own cgroup file systems: the layout of this host, and in a private mount
// namespace the pure v2 view and a v1-only view of the same hierarchies. Makes groups with a name of its own and removes them.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>

#include "base/strings.hpp"
#include "cgroup/driver.hpp"
#include "cgroup/freeze.hpp"
#include "cgroup/stats.hpp"
#include "sys/file.hpp"

namespace berth::cgroup {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

enum class View { kHost, kV1, kV2 };

std::string view_name(const ::testing::TestParamInfo<View>& view) {
  return view.param == View::kHost ? "Host" : view.param == View::kV1 ? "V1" : "V2";
}

// Own mount namespace with the wanted hierarchies only. Nothing of it reaches the host.
bool enter_view(View view) {
  if (view == View::kHost) return true;
  if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  const auto host = detect_host();
  if (!host) return false;
  if (view == View::kV2) {
    while (::umount2("/sys/fs/cgroup", MNT_DETACH) == 0) continue;
    return ::mount("none", "/sys/fs/cgroup", "cgroup2", 0, nullptr) == 0;
  }
  for (const auto& one : host->hierarchies) {
    if (one.unified() && ::umount2(one.mount_point.c_str(), MNT_DETACH) != 0) return false;
  }
  return true;
}

class Sleeper {
 public:
  Sleeper() : pid_(::fork()) {
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      while (true) ::pause();
    }
  }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  ~Sleeper() { stop(); }
  void stop() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  [[nodiscard]] std::string pid() const { return std::to_string(pid_); }

 private:
  pid_t pid_;
};

// Removes what it was told of, also after a failed expectation.
class Groups {
 public:
  Groups() = default;
  Groups(const Groups&) = delete;
  Groups& operator=(const Groups&) = delete;
  ~Groups() {
    for (auto it = made_.rbegin(); it != made_.rend(); ++it) {
      const auto removed = remove_tree(*it);
      EXPECT_TRUE(removed) << removed.error().line();
    }
  }
  Status apply(const Arrangement& arrangement) {
    for (const auto& placement : arrangement.placements) {
      for (const auto& path : placement.stale) TRY(remove_tree(path));
      for (const auto& path : placement.make) {
        TRY(sys::make_directory(path, 0755));
        made_.push_back(path);
      }
    }
    for (const auto& write : arrangement.writes) {
      auto written = sys::write_attribute(write.path, write.value);
      if (!written && !write.may_fail) return written;
    }
    for (const auto& one : arrangement.chowns) {
      if (sys::exists(one.path)) TRY(sys::chown(one.path, one.uid, one.gid));
    }
    return {};
  }

 private:
  std::vector<std::string> made_;
};

std::string read(const std::string& path) {
  auto text = sys::read_file(path);
  return text ? text->substr(0, text->find('\n')) : text.error().line();
}

bool eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 200; ++i) {
    if (condition()) return true;
    ::usleep(10'000);
  }
  return false;
}

// The body runs in a child, so that the mount namespace and the group membership end with it.
class Cgroup : public ::testing::TestWithParam<View> {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "making cgroups needs root";
    const auto now = detect_host();
    ASSERT_TRUE(now) << now.error().line();
    if (now->layout == Layout::kNone) GTEST_SKIP() << "no cgroup hierarchy is mounted";
    if (GetParam() == View::kV1 && now->layout == Layout::kV2) GTEST_SKIP() << "this host has no v1 hierarchy";
    control_ = now->hierarchies.back().mount_point + "/cgroup.subtree_control";
    before_ = read(control_);
    request.name = "berth-test-" + std::to_string(::getpid()) + "-" + view_name({GetParam(), 0});
  }

  // Controllers that were enabled at the root stay so by design; a test leaves the host as it was.
  void TearDown() override {
    if (control_.empty()) return;
    for (const auto word : strings::split_words(read(control_))) {
      if (before_.find(word) != std::string::npos) continue;
      const auto ignored = sys::write_attribute(control_, strings::cat('-', word));
      static_cast<void>(ignored);  // a container may use it by now
    }
  }

  void in_view(const std::function<void()>& body) {
    const pid_t child = ::fork();
    if (child == 0) {
      if (!enter_view(GetParam())) ::_exit(3);
      body();
      ::_exit(HasFailure() ? 1 : 0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status << " (3 = the view can't be made)";
  }

  static void enter(const Arrangement& arrangement, const std::string& pid) {
    for (const auto& placement : arrangement.placements) {
      const auto written = sys::write_attribute(placement.payload + "/cgroup.procs", pid);
      EXPECT_TRUE(written) << written.error().line();
    }
  }

  Result<Arrangement> arranged() {
    auto host = detect_host();
    if (!host) return fail(std::move(host.error()));
    return arrange(*host, request);
  }

  Request request;

 private:
  std::string control_, before_;
};

TEST_P(Cgroup, TheViewHasItsLayout) {
  in_view([&] {
    const auto host = detect_host();
    ASSERT_TRUE(host);
    if (GetParam() == View::kV1) {
      EXPECT_EQ(host->layout, Layout::kV1);
    }
    if (GetParam() == View::kV2) {
      EXPECT_EQ(host->layout, Layout::kV2);
    }
  });
}

TEST_P(Cgroup, AProcessEntersEveryGroup) {
  in_view([&] {
    const auto arrangement = arranged();
    ASSERT_TRUE(arrangement) << arrangement.error().line();
    Groups groups;
    const auto applied = groups.apply(*arrangement);
    ASSERT_TRUE(applied) << applied.error().line();
    Sleeper sleeper;
    enter(*arrangement, sleeper.pid());
    for (const auto& placement : arrangement->placements) {
      EXPECT_TRUE(populated(placement.limit)) << placement.limit;
      EXPECT_FALSE(populated(placement.monitor)) << placement.monitor;
    }
    const auto removed = remove_tree(arrangement->placements.front().limit);
    ASSERT_FALSE(removed);
    EXPECT_THAT(removed.error().because(), HasSubstr(sleeper.pid()));
  });
}

TEST_P(Cgroup, ATakenNameGetsASuffixAndALeftoverIsReused) {
  in_view([&] {
    const auto first = arranged();
    ASSERT_TRUE(first) << first.error().line();
    Groups groups;
    ASSERT_TRUE(groups.apply(*first));
    Sleeper sleeper;
    enter(*first, sleeper.pid());
    EXPECT_EQ(arranged()->placements.front().limit, first->placements.front().limit + "-1");
    ASSERT_TRUE(sys::make_directory(first->placements.front().payload + "/guest.slice", 0755));
    sleeper.stop();
    const auto again = arranged();
    ASSERT_TRUE(again) << again.error().line();
    EXPECT_EQ(again->placements.front().limit, first->placements.front().limit);
    EXPECT_EQ(again->placements.front().stale.size(), 2U);
    const auto applied = groups.apply(*again);
    EXPECT_TRUE(applied) << applied.error().line();
    EXPECT_FALSE(sys::exists(first->placements.front().payload + "/guest.slice"));
  });
}

TEST_P(Cgroup, FreezesAndThaws) {
  in_view([&] {
    const auto arrangement = arranged();
    ASSERT_TRUE(arrangement) << arrangement.error().line();
    if (arrangement->freezer_file.empty()) return;
    Groups groups;
    ASSERT_TRUE(groups.apply(*arrangement));
    Sleeper sleeper;
    enter(*arrangement, sleeper.pid());
    const auto& file = arrangement->freezer_file;
    const bool v2 = arrangement->freezer_is_v2;
    EXPECT_EQ(v2, GetParam() == View::kV2);
    const auto events = open_freeze_events(file, v2);
    ASSERT_TRUE(events);
    // The first read arms the notice.
    if (v2) {
      EXPECT_TRUE(sys::read_all(events->get(), "cgroup.events"));
    }
    ASSERT_TRUE(request_freeze(file, v2, true));
    if (v2) {
      pollfd waiting{events->get(), POLLPRI, 0};
      EXPECT_EQ(::poll(&waiting, 1, 2000), 1);
    }
    EXPECT_TRUE(eventually([&] { return is_frozen(file, v2).value_or(false); }));
    ASSERT_TRUE(request_freeze(file, v2, false));
    EXPECT_TRUE(eventually([&] { return !is_frozen(file, v2).value_or(true); }));
  });
}

TEST_P(Cgroup, LimitsAreInForce) {
  // The same wishes in the words of v2; a hierarchy of v1 gets them translated.
  request.v2 = {{"memory.max", "64M", {}}, {"pids.max", "32", {}},        {"cpu.max", "50000 100000", {}},
                {"cpuset.cpus", "0", {}},  {"hugetlb.2MB.max", "4M", {}}, {"cgroup.max.descendants", "7", {}}};
  in_view([&] {
    const auto host = detect_host();
    ASSERT_TRUE(host);
    auto wanted = request;
    std::erase_if(wanted.v2, [&](const Setting& one) {
      Request alone = request;
      alone.v2 = {one};
      return !arrange(*host, alone);  // no such controller in this view
    });
    const auto arrangement = arrange(*host, wanted);
    ASSERT_TRUE(arrangement) << arrangement.error().line();
    Groups groups;
    const auto applied = groups.apply(*arrangement);
    ASSERT_TRUE(applied) << applied.error().line();
    EXPECT_FALSE(wanted.v2.empty());
    for (const auto& write : arrangement->writes) {
      const auto name = std::filesystem::path(write.path).filename();
      if (name == "memory.max" || name == "memory.limit_in_bytes") {
        EXPECT_EQ(read(write.path), "67108864");
      }
      if (name == "hugetlb.2MB.max" || name == "hugetlb.2MB.limit_in_bytes") {
        EXPECT_EQ(read(write.path), "4194304");
      }
      if (name == "cgroup.max.descendants") {
        EXPECT_EQ(read(write.path), "7");
      }
      if (name == "pids.max") {
        EXPECT_EQ(read(write.path), "32");
      }
      if (name == "cpu.cfs_quota_us") {
        EXPECT_EQ(read(write.path), "50000");
      }
      if (name == "cpu.max") {
        EXPECT_EQ(read(write.path), "50000 100000");
      }
    }
    Sleeper sleeper;
    enter(*arrangement, sleeper.pid());
  });
}

TEST_P(Cgroup, AnInnerGroupHoldsTheProcess) {
  request.dir_monitor = request.name + "/monitor";
  request.dir_container = request.name + "/payload";
  request.dir_container_inner = "inner";
  in_view([&] {
    const auto arrangement = arranged();
    ASSERT_TRUE(arrangement) << arrangement.error().line();
    Groups groups;
    const auto applied = groups.apply(*arrangement);
    ASSERT_TRUE(applied) << applied.error().line();
    Sleeper sleeper;
    enter(*arrangement, sleeper.pid());
    EXPECT_TRUE(populated(arrangement->placements.front().limit));
    EXPECT_EQ(read(arrangement->placements.front().limit + "/cgroup.procs"), "");
  });
}

TEST_P(Cgroup, DelegationGivesTheGroupAway) {
  request.namespaced_user = true;
  request.owner_uid = 100000;
  request.owner_gid = 100000;
  in_view([&] {
    const auto arrangement = arranged();
    ASSERT_TRUE(arrangement) << arrangement.error().line();
    Groups groups;
    const auto applied = groups.apply(*arrangement);
    ASSERT_TRUE(applied) << applied.error().line();
    for (const auto& placement : arrangement->placements) {
      EXPECT_EQ(sys::stat(placement.payload)->st_uid, 100000U);
      EXPECT_EQ(sys::stat(placement.payload + "/cgroup.procs")->st_uid, 100000U);
      EXPECT_EQ(sys::stat(placement.monitor)->st_uid, 0U);
    }
    // Groups that the guest made go too.
    ASSERT_TRUE(sys::make_directory(arrangement->placements.front().payload + "/guest", 0755));
  });
}

TEST_P(Cgroup, Statistics) {
  in_view([&] {
    const auto arrangement = arranged();
    ASSERT_TRUE(arrangement) << arrangement.error().line();
    Groups groups;
    ASSERT_TRUE(groups.apply(*arrangement));
    StatsDirectories directories;
    for (const auto& placement : arrangement->placements) {
      const auto& controllers = placement.hierarchy.controllers;
      if (placement.hierarchy.unified()) directories.unified = placement.limit;
      if (controllers.find("memory") != std::string::npos) directories.memory = placement.limit;
      if (controllers.find("cpuacct") != std::string::npos) directories.cpuacct = placement.limit;
      if (controllers.find("blkio") != std::string::npos) directories.blkio = placement.limit;
    }
    const auto stats = read_stats(directories);
    ASSERT_TRUE(stats) << stats.error().line();
    EXPECT_TRUE(stats->cpu_ns.has_value());
    EXPECT_EQ(stats->memory.has_value(), !directories.memory.empty() || sys::exists(directories.unified + "/memory.stat"));
    EXPECT_EQ(stats->blkio.has_value(), !directories.blkio.empty());
  });
}

INSTANTIATE_TEST_SUITE_P(Views, Cgroup, ::testing::Values(View::kHost, View::kV1, View::kV2), view_name);

}  // namespace
}  // namespace berth::cgroup
