// Makes a container: its directory, its configuration, its root file system (by a template program).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "storage/backing_store.hpp"
#include "storage/progress.hpp"

namespace berth::runtime {

struct CreateRequest {
  std::string name;
  std::string lxcpath;                     // absolute
  std::string template_name;               // name ("busybox"), absolute path of a program, or "none": no root file system is made
  std::string config_file;                 // --config; empty = lxc.default_config, and where that does not exist a built-in one
  std::optional<std::string> config_text;  // takes the place of any file
  bool over_definition = false;            // a configuration may be there already, as long as the root file system is not
  std::string bdev;      // --bdev; empty or "none" = "dir"; "best" = the first of btrfs, zfs, lvm, dir that can be had
  storage::Specs specs;  // --dir, --fstype, --vgname and the like
  std::vector<std::string> template_args;
  bool quiet = false;                           // the template's standard output goes to /dev/null; its errors are still shown
  const storage::Progress* progress = nullptr;  // for cancelled() alone: the template and all that it has started are ended then
};

// Everything that was made is removed again when a later part fails. While it runs the container's directory holds a locked file
// `partial`, as LXC does it: an unlocked one marks a creation that was killed, and such a leftover is replaced.
// Errors: the container exists or is being made; the template is not found or fails (its own output goes to this process's
// descriptors 1 and 2); a back end that can't be had here, an option of another one (store_options.hpp); an idmap.
Status create(const CreateRequest& request);

// The absolute path of a template: a build tree's or an installation's own, else LXC's (/usr/share/lxc/templates/lxc-NAME).
Result<std::string> find_template(const std::string& name);

}  // namespace berth::runtime
