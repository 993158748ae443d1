// Runs in: tests.
#include "lab.hpp"

#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "base/strings.hpp"
#include "os/command.hpp"

namespace berth::storage::lab {

std::span<const Row> labs() {
  static const std::array kRows{dir_row(),       zfs_row(),       btrfs_row(),      overlay_row(),
                                loop_ext4_row(), loop_xfs_row(),  loop_btrfs_row(), lvm_thick_row(),
                                lvm_thin_row(),  nbd_qcow2_row(), nbd_raw_row(),    rbd_row()};
  return kRows;
}

std::string make_directory() {
  char name[] = "/tmp/berth-store-XXXXXX";
  const char* made = ::mkdtemp(&name[0]);
  return made == nullptr ? "" : made;
}

Result<std::string> run(const std::string& program, const std::vector<std::string>& arguments) {
  os::Command command;
  command.program = program;
  command.arguments = arguments;
  command.environment = os::own_environment();
  command.timeout = std::chrono::seconds(60);
  return TRY(os::run_checked(command)).output;
}

namespace {

Result<std::string> run_tool(const std::string& tool, std::vector<std::string> options, const std::string& directory) {
  constexpr std::string_view kOwn = "/proc/self/";
  os::Command command;
  command.program = std::string(BERTH_TEST_TOOLS "/") + tool;
  command.arguments = std::move(options);
  command.arguments.push_back(directory.starts_with(kOwn) ? strings::cat("/proc/", ::getpid(), "/", directory.substr(kOwn.size()))
                                                          : directory);
  command.environment = os::own_environment();
  command.timeout = std::chrono::seconds(60);
  command.output_limit = std::size_t{16} << 20;
  return TRY(os::run_checked(command)).output;
}

}  // namespace

Status make_odd_tree(const std::string& directory) {
  TRY(run_tool("make-odd-tree", {}, directory));
  return {};
}

Result<std::string> manifest(const std::string& directory, std::vector<std::string> options) {
  options.insert(options.end(), {"--without", "lost+found"});
  return run_tool("manifest", std::move(options), directory);
}

}  // namespace berth::storage::lab
