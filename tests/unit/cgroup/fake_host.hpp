// A directory tree that looks like mounted cgroup hierarchies, removed with its owner.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "cgroup/driver.hpp"

namespace berth::cgroup::test {

class FakeHost {
 public:
  FakeHost() {
    std::string pattern = (std::filesystem::temp_directory_path() / "berth-cgroup-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }
  FakeHost(const FakeHost&) = delete;
  FakeHost& operator=(const FakeHost&) = delete;
  ~FakeHost() {
    std::error_code ignored;
    for (std::filesystem::recursive_directory_iterator it(root_, ignored), end; it != end; it.increment(ignored))
      std::filesystem::permissions(it->path(), std::filesystem::perms::owner_all, std::filesystem::perm_options::add, ignored);
    std::filesystem::remove_all(root_);
  }

  [[nodiscard]] std::string path(const std::string& below = "") const { return below.empty() ? root_ : root_ + "/" + below; }

  void group(const std::string& below, const std::string& processes = "") const {
    std::filesystem::create_directories(path(below));
    file(below + "/cgroup.procs", processes);
  }
  void file(const std::string& below, const std::string& content) const {
    std::filesystem::create_directories(std::filesystem::path(path(below)).parent_path());
    std::ofstream(path(below)) << content;
  }

  // "cpuset" is mounted at ROOT/cpuset.
  void v1(const std::string& controllers, const std::string& own = "/") {
    group(controllers);
    insert({controllers, path(controllers), own});
    if (controllers == "cpuset") {
      file("cpuset/cpuset.cpus", "0-3\n");
      file("cpuset/cpuset.mems", "0\n");
    }
  }
  void unified(const std::string& controllers, const std::string& enabled = "", const std::string& own = "/") {
    group("unified");
    file("unified/cgroup.controllers", controllers + "\n");
    file("unified/cgroup.subtree_control", enabled + "\n");
    host.hierarchies.push_back({"", path("unified"), own});
    set_layout();
  }

  Host host;

 private:
  void insert(Hierarchy hierarchy) {
    auto at = host.hierarchies.end();
    if (at != host.hierarchies.begin() && (at - 1)->unified()) --at;
    host.hierarchies.insert(at, std::move(hierarchy));
    set_layout();
  }
  void set_layout() {
    const bool v2 = host.hierarchies.back().unified();
    host.layout = !v2 ? Layout::kV1 : host.hierarchies.size() == 1 ? Layout::kV2 : Layout::kHybrid;
    host.delegate_list = path("delegate");
  }

  std::string root_;
};

inline Request request_for(const std::string& name) {
  Request request;
  request.name = name;
  return request;
}

}  // namespace berth::cgroup::test
