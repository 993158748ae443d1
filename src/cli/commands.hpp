// The commands, one row each, and the dispatch of the multicall program.
#pragma once

#include <span>
#include <string_view>

#include "cli/option.hpp"

namespace berth::cli {

// As archives remember it.
inline constexpr std::string_view kOwnVersion = "berth 0.1.0";

std::span<const Command* const> commands();
const Command* find_command(std::string_view name);

// "lxc-start ..." (by the name it was called by), or "berth start ...".
int dispatch(int argc, char** argv);

int run_attach(int argc, char** argv);
int run_cgroup(int argc, char** argv);
int run_config(int argc, char** argv);
int run_console(int argc, char** argv);
int run_copy(int argc, char** argv);
int run_create(int argc, char** argv);
int run_destroy(int argc, char** argv);
int run_device(int argc, char** argv);
int run_doctor(int argc, char** argv);
int run_execute(int argc, char** argv);
int run_export(int argc, char** argv);
int run_freeze(int argc, char** argv);
int run_import(int argc, char** argv);
int run_info(int argc, char** argv);
int run_ls(int argc, char** argv);
int run_snapshot(int argc, char** argv);
int run_monitor(int argc, char** argv);
int run_net(int argc, char** argv);
int run_start(int argc, char** argv);
int run_storage(int argc, char** argv);
int run_stop(int argc, char** argv);
int run_top(int argc, char** argv);
int run_unfreeze(int argc, char** argv);
int run_update_config(int argc, char** argv);
int run_wait(int argc, char** argv);

extern const Command kAttach, kCgroup, kConfig, kConsole, kCopy, kCreate, kDestroy, kDevice, kDoctor, kExecute, kExport, kFreeze,
    kImport, kInfo, kLs, kMonitor, kNet, kSnapshot, kStart, kStop, kStorage, kTop, kUnfreeze, kUpdateConfig, kWait;

}  // namespace berth::cli
