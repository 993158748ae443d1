// What the tests of the start's plan share.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/parser.hpp"
#include "plan/start_plan.hpp"

namespace berth::plan {

using child::Op;
using child::Phase;
using testing::HasSubstr;
using testing::Not;

// A container's root and configuration in a directory of its own.
class StartPlan : public testing::Test {
 protected:
  StartPlan() {
    char name[] = "/tmp/berth-plan-XXXXXX";
    directory = ::mkdtemp(name);
    root = directory + "/rootfs";
    std::filesystem::create_directories(root + "/sbin");
  }
  ~StartPlan() override { std::filesystem::remove_all(directory); }

  Result<Plan> plan(const std::string& text) {
    conf = {};
    if (auto loaded = config::load_text(conf, text, "config"); !loaded) return std::unexpected(std::move(loaded.error()));
    StartInputs inputs{.conf = conf,
                       .name = "web1",
                       .lxcpath = directory,
                       .config_file = directory + "/config",
                       .cgroups = {},
                       .cgroup_pattern = {},
                       .command = command,
                       .shared_namespaces = {},
                       .caller_environment = {"HOME=/root", "LXC_NAME=stale"},
                       .console_path = {},
                       .console_log = {},
                       .pid_file = {},
                       .log_prefix = {},
                       .log_file = {},
                       .log_level = {}};
    inputs.with_init = with_init;
    inputs.foreground = foreground;
    inputs.seccomp = seccomp;
    inputs.root = storage_root;
    return plan_start(inputs);
  }
  Result<Plan> plan_with_root(const std::string& text) { return plan("lxc.rootfs.path = " + root + "\n" + text); }

  static const PlannedStep* find(const Plan& plan, Op op, std::size_t skip = 0) {
    for (const PlannedStep& step : plan.steps) {
      if (step.op == op && skip-- == 0) return &step;
    }
    return nullptr;
  }
  static std::ptrdiff_t position(const Plan& plan, Op op) {
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
      if (plan.steps[i].op == op) return static_cast<std::ptrdiff_t>(i);
    }
    return -1;
  }

  std::string directory, root;
  config::Conf conf;
  std::vector<std::string> command;
  std::optional<security::CompiledFilter> seccomp;
  std::optional<RootMount> storage_root;
  bool with_init = false, foreground = false;
};

}  // namespace berth::plan
