// Runs in: commands and programs that embed the library.
#include "os/rundir.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdlib>

#include "base/strings.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"

namespace berth::os {
namespace {

constexpr mode_t kPrivate = 0700;

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

// Somebody else who may write here could swap what is below for a link of his own.
Status check_owner(int dir, const std::string& path) {
  const struct ::stat info = TRY(sys::stat_fd(dir));
  const bool ours = info.st_uid == sys::effective_uid() || info.st_uid == 0;
  const bool shared = (info.st_mode & (S_IWGRP | S_IWOTH)) != 0;
  if (ours && !shared) return {};
  return fail(Error::from_errno(EPERM, "open", path)
                  .because(ours ? "other users may write to that directory" : "that directory belongs to another user")
                  .hint(strings::cat("remove ", path, ", or set XDG_RUNTIME_DIR to a directory of your own")));
}

Result<Fd> enter(int parent, const std::string& name, const std::string& path) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
  Result<Fd> dir = sys::open_at(parent, name, kFlags);
  if (!dir && dir.error().code() == ENOENT) {
    const Status made = sys::make_directory_at(parent, name, kPrivate);
    if (!made && made.error().code() != EEXIST) return fail(Error::from_errno(made.error().code(), "mkdir", path));
    dir = sys::open_at(parent, name, kFlags);
  }
  if (!dir) return fail(Error::from_errno(dir.error().code(), "open", path));
  TRY(check_owner(dir->get(), path));
  return dir;
}

}  // namespace

Result<std::string> choose_run_directory(const RunDirFacts& facts) {
  if (facts.owns_run) return "/run";
  if (facts.xdg_runtime_dir) return *facts.xdg_runtime_dir;
  if (facts.home) return *facts.home + "/.cache/lxc/run";
  return fail(Error::message("no directory for run-time files: neither XDG_RUNTIME_DIR nor HOME is set", ENOENT)
                  .hint("set XDG_RUNTIME_DIR to a directory of your own"));
}

Result<std::string> run_directory() {
  RunDirFacts facts;
  const Result<struct ::stat> run = sys::stat("/run");
  facts.owns_run = run && run->st_uid == sys::effective_uid() && run->st_gid == sys::effective_gid();
  facts.xdg_runtime_dir = variable("XDG_RUNTIME_DIR");
  facts.home = variable("HOME");
  return choose_run_directory(facts);
}

Result<Fd> ensure_private_directory(const std::string& base, std::string_view relative) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY;
  Result<Fd> opened = sys::open(base, kFlags);
  if (!opened && opened.error().code() == ENOENT) {
    TRY(sys::ensure_directory(base, kPrivate));
    opened = sys::open(base, kFlags);
  }
  Fd dir = TRY(std::move(opened));
  std::string path = base;
  for (const std::string_view component : strings::split_words(relative, "/")) {
    if (component == "." || component == "..") return fail(Error::from_errno(EINVAL, "open", strings::cat(base, '/', relative)));
    path = strings::cat(path, '/', component);
    dir = TRY(enter(dir.get(), std::string(component), path));
  }
  return dir;
}

}  // namespace berth::os
