// The start plan: an ordered list of steps with their undo steps, as data. Built before anything exists; shown by --plan.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/result.hpp"
#include "child/step.hpp"
#include "security/seccomp_filter.hpp"

namespace berth::plan {

struct PlannedStep {
  child::Op op = child::Op::kNone;
  child::Phase phase = child::Phase::kPrepare;
  std::uint32_t flags = 0;
  std::string text[4];
  std::vector<std::string> list[2];
  std::int64_t num[4] = {};
  std::uint32_t undoes = 0;  // kUndo: number (from 1) of the step that it takes back
  std::string doing;         // "mounting the root file system": verb in -ing form, lower case
  Origin origin;
  std::string block;  // bytes
};

struct Settings {
  std::string name, lxcpath, socket_name;
  std::vector<std::string> config_items;  // key, value, ...
  std::vector<std::string> cgroup_paths;  // quadruples, see child::MonitorSettings
  std::vector<std::string> monitor_cgroups;
  std::string pivot_cgroup, freezer;
  bool freezer_is_v2 = false;
  std::string console_log, console_path, pid_file, log_file, log_prefix, name_lock, monitor_fifo;
  std::uint64_t console_buffer = 0, console_log_size = 0;
  bool console_rotate = false, foreground = false, ephemeral = false;
  std::uint32_t log_level = 5, clone_flags = 0, tty_max = 0, syslog_facility = 0;
  std::int32_t halt_signal = 0, reboot_signal = 0, stop_signal = 0;
  std::vector<std::string> destroy_program;
  std::vector<std::string> warnings;  // one line each, for the person who starts the container; not encoded
};

struct Plan {
  Settings settings;
  std::vector<PlannedStep> steps;
};

// Fills a kSeccompFilter step.
PlannedStep& describe_seccomp(PlannedStep& step, const security::CompiledFilter& filter);

// The blob of child/step.hpp.
std::string encode(const Plan& plan);
// One line a step: "12  container  mounting proc on /proc  (config:3)".
std::string to_text(const Plan& plan);
std::string to_json(const Plan& plan);

// The failure of a step in the plan's own words: "mounting ... (step 14 of 31, in the container's mount namespace)", the call,
// the reason and the advice of the explanation table, the line that asked.
Error explain(const Plan& plan, const child::Failure& failure);

// Names for people.
std::string_view op_name(child::Op op);
std::string_view phase_name(child::Phase phase);

}  // namespace berth::plan
