// The configuration of a container for another directory and another name: the text of the old one, edited.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "config/conf.hpp"

namespace berth::runtime {

struct ConfigMove {
  std::string from, to;            // directories of the container
  std::string from_root, to_root;  // its root file system; equal, or both empty: it stays where it is
  std::string rootfs_value;        // for lxc.rootfs.path; empty: moved like every other path
  bool made_root = false;          // the root is made for the copy, which so removes it: lxc.rootfs.managed = 0 is not copied
  std::string name;                // for lxc.uts.name; empty: stays
  bool new_hwaddr = false;
  bool everything = false;  // all files of `from` will be in `to`; else only those in MovedConfig::files
};

struct MovedConfig {
  std::string text;
  // Files of `from` that the text names in `to` now and that must be copied (hooks, fstab, profiles), and included directories,
  // each before its files: old path, new path.
  std::vector<std::pair<std::string, std::string>> files;
};

// Comments, includes and order stay. What an included file sets otherwise is overridden at the end. Error: the text can't be read
// any more.
Result<MovedConfig> move_config(const config::Conf& conf, const ConfigMove& move);

// A path that leads into `directory` by a link, or a second mount, of what the directory lies in: as one below it. Others as they
// are.
std::string by_known_name(std::string path, const std::string& directory);

}  // namespace berth::runtime
