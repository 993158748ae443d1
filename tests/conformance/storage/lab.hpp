// What one kind of backing store needs of a host, made for a test and taken away after it: a file system on a loop device, a
// pool, a volume group. One file a kind beside this one; a new kind joins by a row in labs().
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "storage/backing_store.hpp"

namespace berth::storage::lab {

class Lab {
 public:
  Lab() = default;
  Lab(const Lab&) = delete;
  Lab& operator=(const Lab&) = delete;
  virtual ~Lab() = default;  // leaves nothing behind, whatever the tests did

  // A directory in which a test makes its containers' directories.
  [[nodiscard]] virtual const std::string& directory() const = 0;
  [[nodiscard]] virtual Specs specs() const { return {}; }
  // What the kind can't keep of a tree, as options of tests/system/manifest.
  [[nodiscard]] virtual std::vector<std::string> manifest_options() const { return {}; }
  // Why a tree with everything in it is too much for it. Empty: it is not.
  [[nodiscard]] virtual std::string no_odd_tree() const { return {}; }
};

struct Row {
  std::string_view name;   // of the tests: "lvm_thin"
  std::string_view store;  // the kind
  // Why this host can't: "no device-mapper in this kernel (./test vm has it)". Empty: it can.
  std::string (*unusable)();
  Result<std::unique_ptr<Lab>> (*make)();
};

std::span<const Row> labs();

// --- for the rows -------------------------------------------------------------------------------------------------------------
// "/tmp/berth-store-XXXXXX"; the caller removes it with storage::remove_tree().
std::string make_directory();
// Runs a program; an Error with its words when it fails.
Result<std::string> run(const std::string& program, const std::vector<std::string>& arguments);

// Programs of tests/system for trees: make-odd-tree fills the directory, manifest tells all that it holds but lost+found. The
// directory of a View may be one that only this process has below /proc/self/fd.
Status make_odd_tree(const std::string& directory);
Result<std::string> manifest(const std::string& directory, std::vector<std::string> options);

Row dir_row();
Row btrfs_row();
Row zfs_row();
Row rbd_row();
Row loop_ext4_row();
Row loop_xfs_row();
Row loop_btrfs_row();
Row overlay_row();
Row lvm_thick_row();
Row lvm_thin_row();
Row nbd_qcow2_row();
Row nbd_raw_row();

}  // namespace berth::storage::lab
