// Files of a tree that have more than one name, while several threads copy it.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>

#include "storage/tree/directories.hpp"
#include "storage/tree/inode_identity.hpp"

namespace berth::storage {

class HardLinks {
 public:
  // A name of the file in the copy.
  struct Place {
    Directory* directory = nullptr;  // nullptr: somebody is making it
    std::string name;
  };
  // For who makes the file's first name. Until it says made() the others wait; it gives up when it is destroyed before.
  class Claim {
   public:
    Claim() = default;
    Claim(Claim&& other) noexcept : links_(std::exchange(other.links_, nullptr)), file_(other.file_) {}
    Claim& operator=(Claim&&) = delete;
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;
    ~Claim();
    void made(Directory& directory, const std::string& name);

   private:
    friend class HardLinks;
    Claim(HardLinks& links, const InodeIdentity& file) : links_(&links), file_(file) {}
    HardLinks* links_ = nullptr;
    InodeIdentity file_{};
  };

  explicit HardLinks(Directories& directories) : directories_(directories) {}
  // `place` is a name that the file has already; or it has none, and the claim is for who asks. A file with one name needs
  // neither. May wait until another thread has made the file; never for its data.
  Claim claim(const InodeIdentity& file, Place& place);

 private:
  Directories& directories_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<InodeIdentity, Place> places_;
};

// linkat(2) of `path` below `top`, which may be longer than the kernel takes at once. 0, or -errno.
long link_below(int top, const std::string& path, int directory, const std::string& name);

}  // namespace berth::storage
