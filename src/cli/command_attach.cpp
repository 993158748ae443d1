// Runs in: host commands.
#include <sys/personality.h>
#include <sys/utsname.h>

#include <cstring>

#include "cli/commands.hpp"
#include "cli/report.hpp"
#include "config/parser.hpp"
#include "runtime/attach.hpp"

namespace berth::cli {
namespace {

struct AttachOptions : Common {
  runtime::AttachRequest request;
};

runtime::AttachRequest& request_of(Common& options) { return static_cast<AttachOptions&>(options).request; }

Status set_elevation(Common& options, std::string_view value) {
  request_of(options).elevated = value.empty() ? runtime::Elevation::all() : TRY(runtime::parse_elevation(value));
  return {};
}

// -s implies -e with everything: what is left outside could not be confined anyway.
Status set_namespaces(Common& options, std::string_view value) {
  request_of(options).namespaces = TRY(runtime::parse_namespaces(value));
  request_of(options).elevated = runtime::Elevation::all();
  return {};
}

Status set_architecture(Common& options, std::string_view value) {
  config::Conf conf;
  TRY(config::set_item(conf, "lxc.arch", value));
  request_of(options).personality = conf.personality;
  return {};
}

template <bool Clear>
Status set_clearing(Common& options, std::string_view) {
  request_of(options).environment.clear = Clear;
  return {};
}

Status keep_variable(Common& options, std::string_view value) {
  request_of(options).environment.keep.emplace_back(value);
  return {};
}

Status set_variable(Common& options, std::string_view value) {
  if (value.find('=') == value.npos || value.starts_with('='))
    return fail(strings::cat("'", value, "' is not of the form NAME=VALUE"));
  request_of(options).environment.set.emplace_back(value);
  return {};
}

template <auto Member>
Status set_request_text(Common& options, std::string_view value) {
  request_of(options).*Member = std::string(value);
  return {};
}

template <auto Member>
Status set_request_id(Common& options, std::string_view value) {
  const auto number = strings::parse_number<std::uint32_t>(value);
  if (!number) return fail(strings::cat("'", value, "' is not a number that fits"));
  request_of(options).*Member = *number;
  return {};
}

Status set_remount(Common& options, std::string_view) {
  request_of(options).remount_sys_proc = true;
  return {};
}

constexpr Option kOptions[] = {
    {"elevated-privileges", 'e', Takes::kOptionalValue, "PRIVILEGES",
     "Use elevated privileges instead of those of the\ncontainer: CAP, CGROUP and LSM joined by '|'\n(capabilities, cgroup and "
     "restrictions); all of\n"
     "them when none is given.\nWARNING: This may leak privileges into the container.",
     set_elevation},
    {"arch", 'a', Takes::kValue, "ARCH", "Use ARCH for program instead of container's own\narchitecture.", set_architecture},
    {"namespaces", 's', Takes::kValue, "FLAGS",
     "Attach to these namespaces only, joined by '|':\nMOUNT, PID, UTSNAME, IPC, USER, NETWORK, CGROUP, TIME.\n"
     "WARNING: Using -s implies -e with all privileges\nelevated, it may therefore leak privileges into the\ncontainer.",
     set_namespaces},
    {"remount-sys-proc", 'R', Takes::kNothing, "",
     "Remount /sys and /proc if not attaching to the\nmount namespace when using -s in order to properly\nreflect the correct "
     "namespace context.",
     set_remount},
    {"clear-env", 0, Takes::kNothing, "",
     "Clear all environment variables before attaching.\nThe attached program starts with container=lxc only.",
     set_clearing<true>},
    {"keep-env", 0, Takes::kNothing, "", "Keep all current environment variables (default).", set_clearing<false>},
    {"keep-var", 0, Takes::kValue, "NAME", "Keep this environment variable with --clear-env.\nMay be used multiple times.",
     keep_variable},
    {"set-var", 'v', Takes::kValue, "NAME=VAL",
     "Set an additional variable that is seen by the\nattached program. May be used multiple times.", set_variable},
    {"pty-log", 'L', Takes::kValue, "FILE", "Log pty output to FILE", set_request_text<&runtime::AttachRequest::pty_log>},
    {"rcfile", 'f', Takes::kValue, "FILE", "Load configuration file FILE", set_text<&Common::rcfile>},
    {"uid", 'u', Takes::kValue, "UID", "Execute COMMAND with UID inside the container",
     set_request_id<&runtime::AttachRequest::uid>},
    {"gid", 'g', Takes::kValue, "GID", "Execute COMMAND with GID inside the container",
     set_request_id<&runtime::AttachRequest::gid>},
    {"context", 'c', Takes::kValue, "CONTEXT", "SELinux Context to transition into",
     set_request_text<&runtime::AttachRequest::selinux_context>},
};

Result<int> attach(AttachOptions& options) {
  if (options.request.elevated.lsm && !options.request.selinux_context.empty()) {
    return fail("-c can't be used with -e LSM: one sets a security context, the other leaves it off");
  }
  const auto container = TRY(existing_container(options));
  options.request.command = options.arguments;
  options.request.rcfile = options.rcfile;
  const auto outcome = TRY(runtime::attach(container, options.request));
  if (outcome.failure) report(options, *outcome.failure);
  return runtime::exit_code(outcome.status);
}

}  // namespace

int run_attach(int argc, char** argv) { return run_command<AttachOptions>(kAttach, argc, argv, attach); }

const Command kAttach = {"attach",
                         "--name=NAME [-- COMMAND]",
                         "run a command or a shell in a running container",
                         "run COMMAND, or a shell, in the running container NAME",
                         kOptions,
                         run_attach};

}  // namespace berth::cli
